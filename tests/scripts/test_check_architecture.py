"""script/check-architecture: a planted violation of each rule is found, and the tree is clean."""

import subprocess

import pytest

from support.programs import ROOT

CHECKER = ROOT / "script" / "check-architecture"


def check(root):
    return subprocess.run([CHECKER, root], capture_output=True, text=True)


@pytest.fixture
def tree(tmp_path):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


def plant(tree, path, content):
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(content)


def test_the_tree_is_clean():
    finished = check(ROOT)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize(
    "path, line, why",
    [
        ("core/a.h", '#include "injector/cache.h"', "core depends on no program"),
        ("injector/a.cc", '#include "sidecar/watch.h"', "never on each other"),
        ("sidecar/a.cc", '  #  include "control-plane/region/region_store.h"', "never on each other"),
        ("control-plane/rest-api/a.cc", "#include <boost/beast/http.hpp>", "Boost.Beast"),
        ("injector/a.cc", "#include <boost/beast.hpp>", "Boost.Beast"),
        ("control-plane/catalog/a.cc", "#include <SQLiteCpp/Database.h>", "may include SQLite"),
        ("control-plane/catalog/a.cc", "#include <libpq-fe.h>", "may include PostgreSQL"),
        ("control-plane/stores_test.cc", "#include <libpq/libpq-fs.h>", "may include PostgreSQL"),
        ("control-plane/database/a.cc", '#include "control-plane/keys/aead.h"', "no other folder"),
        ("control-plane/keys/a.h", '#include "control-plane/catalog/catalog.h"', "may include database"),
        ("control-plane/region/a.cc", '#include "control-plane/catalog/outbox.h"', "may include model, database, keys"),
        ("control-plane/rest-api/a.cc", '#include "control-plane/keys/key_store.h"', "may include model, http, audit, region"),
        ("control-plane/instance-api/a.h", '#include "control-plane/stores.h"', "may include model, http, keys"),
        ("injector/a.cc", '#include "../core/error.h"', "rooted at the repository"),
        ("sidecar/a.cc", "  if (::renameat(folder, old, folder, name) != 0) {", "only core/write_file.cc"),
        ("injector/a.cc", '#include "tests/fakes/fake_clock.h"', "only tests include tests"),
        ("docs/HACKING.md", "mirror: https://py" + "pi.org/simple", "package registry"),
    ],
)
def test_a_planted_violation_is_found(tree, path, line, why):
    plant(tree, path, f"// first line\n{line}\n")
    finished = check(tree)
    assert finished.returncode == 1
    assert f"{path}:2: " in finished.stderr and why in finished.stderr


def test_a_shared_file_name_that_a_program_spells_again_is_found(tree):
    plant(tree, "core/shared_names.h", 'inline constexpr const char* kRunningFile = "running.json";\n')
    plant(tree, "injector/a_test.cc", 'CHECK(directory.read("running.json") == text);\n')
    assert check(tree).returncode == 0
    plant(tree, "injector/a.cc", '// running.json says what runs\nconstexpr const char* kFile = "running.json";\n')
    finished = check(tree)
    assert finished.returncode == 1
    assert 'injector/a.cc:2: "running.json" is a name in core/shared_names.h' in finished.stderr


def test_two_classes_of_one_name_in_one_program_are_found(tree):
    plant(tree, "control-plane/http/turns.h", "class Turns final : public Base {\n};\n")
    plant(tree, "control-plane/rollout/turns.h", "// first line\nclass Turns {\n};\n")
    finished = check(tree)
    assert finished.returncode == 1
    assert "control-plane/rollout/turns.h:2: Turns is the name of a class in control-plane/http/turns.h too" in finished.stderr


def test_what_is_allowed_passes(tree):
    plant(tree, "injector/state.h", "class State {\n  class Inner {\n  };\n};\nclass Ahead;\n")
    plant(tree, "sidecar/state.h", "class Ahead;\nclass State {\n};\n")
    plant(tree, "control-plane/http/server.cc", "#include <boost/beast/core.hpp>\n")
    plant(tree, "control-plane/keys/key_store.cc", '#include "control-plane/database/database.h"\n')
    plant(tree, "control-plane/stores_attack_test.cc", "#include <SQLiteCpp/Database.h>\n")
    plant(tree, "sidecar/status_server.cc", '#include <boost/beast/http.hpp>\n#include "core/log.h"\n')
    plant(tree, "injector/cache.cc", '#include "injector/cache.h"\n#include "core/error.h"\n')
    plant(tree, "injector/cache_test.cc", '#include "tests/catch.h"\n')
    finished = check(tree)
    assert (finished.returncode, finished.stderr) == (0, "")
