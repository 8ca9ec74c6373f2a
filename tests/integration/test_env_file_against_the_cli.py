"""Random env files go to the function inside the official CLI that reads them for `secrets set --file`, to python-dotenv and
to us: `--env-format cli` gives what the CLI stores and refuses what the CLI refuses, and the keys in our warning are those
for which the CLI stores something else than python-dotenv reads.

AGENT_SECRETS_ENV_FILES and AGENT_SECRETS_ENV_SEED choose the files: support/random_env_files.py."""

import concurrent.futures
import json
import subprocess

import pytest

from support import official_cli, programs, random_env_files, raw_exec
from support.random_env_files import COUNT

READER = programs.ROOT / "tests" / "support" / "cli_file_reader.py"

# {file: {key: value}}, where a key without '=' has null; null for a file that is not UTF-8.
DOTENV = """
import json, logging, pathlib, sys
from dotenv import dotenv_values
logging.disable()
out = {}
for path in pathlib.Path(sys.argv[1]).iterdir():
    try:
        out[path.name] = dotenv_values(path, interpolate=False)
    except UnicodeDecodeError:
        out[path.name] = None
json.dump(out, sys.stdout)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("files")
    random_env_files.write(directory)
    return directory


def answer_of(release, *command):
    if not release.installed():
        pytest.skip(f"the official CLI {release} is not installed; run script/bootstrap")
    python = release.program.with_name("python")
    finished = subprocess.run([python, *command], env=programs.clean_environment(HOME="/nonexistent"),
                              capture_output=True, timeout=1800)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


@pytest.fixture(scope="module", params=[official_cli.NEWEST, official_cli.OLDER], ids=str)
def by_the_cli(files, request):
    return answer_of(request.param, READER, files)


@pytest.fixture(scope="module")
def by_dotenv(files):
    return answer_of(official_cli.NEWEST, "-c", DOTENV, files)


def for_each(files, function):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        paths = sorted(files.iterdir())
        return dict(zip((path.name for path in paths), pool.map(function, paths), strict=True))


@pytest.fixture(scope="module")
def as_the_cli(files):
    """{file: the pairs with --env-format cli, or None where the file is refused}."""
    def start(path):
        finished = raw_exec.run([programs.injector_program(), "--env-format", "cli", "--env-file", path,
                                 "/bin/cat", "/proc/self/environ"], [])
        if finished.returncode == 125:
            return None
        assert finished.returncode == 0, finished.stderr
        return dict(entry.split("=", 1) for entry in finished.stdout.decode().split("\0")[:-1])

    return for_each(files, start)


def warned(path):
    """(the keys in the warning about the CLI, whether there was such a warning), of an ordinary start."""
    finished = raw_exec.run([programs.injector_program(), "--env-file", path, "/bin/true"], [b"AGENT_SECRETS_LOG=json"])
    about_the_cli = [line for line in map(json.loads, finished.stderr.decode().splitlines())
                     if line["message"].startswith("the official CLI would ")]
    assert len(about_the_cli) <= 1, about_the_cli
    keys = [line["keys"] for line in about_the_cli if "keys" in line]
    return (keys[0].split(", ") if keys else []), bool(about_the_cli)


def checked(path):
    """The facts of `check --env-file`, or None where the file cannot be used."""
    finished = raw_exec.run([programs.injector_program(), "check", "--json", "--env-file", path], [])
    step = json.loads(finished.stdout)["steps"][0]
    return None if step["status"] == "failed" else step["facts"]


@pytest.fixture(scope="module")
def judged(files):
    return for_each(files, lambda path: (warned(path), checked(path)))


def test_env_format_cli_gives_and_refuses_what_the_cli_does(files, by_the_cli, as_the_cli):
    assert len(by_the_cli) == COUNT
    wrong = [(name, (files / name).read_bytes(), answer["pairs"], as_the_cli[name])
             for name, answer in by_the_cli.items() if answer["pairs"] != as_the_cli[name]]
    assert not wrong, f"{len(wrong)} of {COUNT} differ, the first: {wrong[0]}"


def test_the_files_are_of_both_kinds(as_the_cli, judged):
    refused = sum(pairs is None for pairs in as_the_cli.values())
    assert COUNT / 10 < refused < COUNT * 9 / 10
    named = sum(bool(facts and facts["cli_differs"]) for _, facts in judged.values())
    assert COUNT / 10 < named < COUNT * 9 / 10


def differing(by_dotenv, stored):
    """The keys that python-dotenv knows and the CLI stores otherwise, or not at all. Keys that only the CLI reads are
    left out: their lines may be a part of a value over several lines, which no message may show."""
    return {key for key, value in by_dotenv.items() if stored.get(key) != value}


def printed(keys):
    """As a message shows them: what is not printable, and not ASCII, is escaped there, so only the number is known."""
    return {key for key in keys if key.isascii() and key.isprintable()}, len(keys)


def test_the_named_keys_are_those_that_the_cli_would_store_otherwise(files, by_the_cli, by_dotenv, judged):
    for name, ((keys, is_warned), facts) in judged.items():
        if facts is None:
            continue
        expected, count = printed(differing(by_dotenv[name], by_the_cli[name]["lines"]))
        content = (files / name).read_bytes()
        listed = [entry.rsplit(" (", 1)[0] for entry in facts["cli_differs"]]
        assert len(keys) == count and listed == keys, (content, expected, keys, listed)
        assert expected <= set(keys), (content, expected, keys)
        is_refused = by_the_cli[name]["pairs"] is None and bool(by_dotenv[name])
        assert bool(facts["cli_refuses"]) == is_refused, (content, facts)
        assert is_warned == bool(count or is_refused), content
