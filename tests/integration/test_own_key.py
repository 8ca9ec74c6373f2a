"""Bring your own key: the seed is made where it is used, and the control plane never sees it."""

import json
import os
import stat
import subprocess

import pytest

from support import canary, programs
from support.instance import run_injector

# As docs/injector.md has them; {control_plane} is the admin program with its options.
KEYGEN = "secret-injector keygen bot.seed > bot.public"
COMPOSE = r"""umask 077
printf 'agentcred_v1_%s.%s\n' "$(base64 -w0 bot.identity | tr '/+' '_-' | tr -d '=')" "$(cat bot.seed)" > bot.credential"""


def shell(command, directory):
    environment = programs.clean_environment()
    environment["PATH"] = f"{programs.injector_program().parent}:{environment['PATH']}"
    return subprocess.run(["sh", "-ec", command], cwd=directory, env=environment, check=True, timeout=20)


@pytest.fixture
def bound(control_plane, rest):
    """A control plane with an agent that is bound to a ready set."""
    rest.put_secrets("set1", KEY="value")
    control_plane.wait_ready("set1")
    assert rest.deploy("bot", secretSet="set1").status == 200
    return control_plane


def test_the_three_commands_make_a_credential_that_works(bound, tmp_path):
    shell(KEYGEN, tmp_path)
    assert stat.S_IMODE((tmp_path / "bot.seed").stat().st_mode) == 0o600
    registered = bound.run("credential", "register", "bot", tmp_path / "bot.public")
    (tmp_path / "bot.identity").write_text(registered.stdout)
    shell(COMPOSE, tmp_path)

    kid = json.loads((tmp_path / "bot.public").read_text())["kid"]
    assert f"credential {kid} of agent 'bot' is active" in registered.stderr
    credential = (tmp_path / "bot.credential").read_text()
    assert run_injector(credential, "sh", "-c", "echo $KEY").stdout == "value\n"
    watch = subprocess.run([programs.injector_program(), "watch-credential"], capture_output=True, text=True,
                           env=programs.clean_environment(AGENT_SECRETS_CREDENTIAL=credential), check=True)
    assert watch.stdout.startswith("agentwatch_v1_")

    # The seed stayed here.
    search = canary.Search({"seed": (tmp_path / "bot.seed").read_text().strip()})
    search.tree(bound.directory)
    search.text(registered.stdout + registered.stderr + watch.stdout, "what was printed")
    assert search.leaks == []

    bound.run("credential", "revoke", "bot", kid)
    assert "revoked" in run_injector(credential, "true").stderr


def test_the_public_half_may_come_by_standard_input(bound, tmp_path):
    shell(KEYGEN, tmp_path)
    with open(tmp_path / "bot.public", "rb") as public_half:
        finished = subprocess.run(bound.command("credential", "register", "bot", "-"), stdin=public_half,
                                  env=programs.clean_environment(), capture_output=True, timeout=20)
    assert finished.returncode == 0
    assert json.loads(finished.stdout)["agent"] == "bot"


LOW_ORDER = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.mark.parametrize("changed, word", [
    ({"box_key": LOW_ORDER}, "no keys that can be used"),
    ({"signing_key": LOW_ORDER}, "no keys that can be used"),
    ({"box_key": "AAAA"}, "'box_key'"),
    ({"signing_key": None}, "'signing_key'"),
    ({"kid": "a b"}, "key id"),
])
def test_a_public_half_that_is_none_is_refused(bound, tmp_path, changed, word):
    shell(KEYGEN, tmp_path)
    half = json.loads((tmp_path / "bot.public").read_text())
    (tmp_path / "bot.public").write_text(json.dumps({**half, **changed}))
    finished = bound.run("credential", "register", "bot", tmp_path / "bot.public", check=False)
    assert finished.returncode != 0 and finished.stdout == ""
    assert word in finished.stderr.lower(), finished.stderr
    assert json.loads(bound.run("credential", "list", "bot", "--json").stdout) == []


def test_the_file_with_the_secret_is_not_taken_for_the_public_half(bound, tmp_path):
    shell(KEYGEN, tmp_path)
    finished = bound.run("credential", "register", "bot", tmp_path / "bot.seed", check=False)
    assert finished.returncode != 0
    assert "not the file that it wrote" in finished.stderr
    assert (tmp_path / "bot.seed").read_text().strip() not in finished.stdout + finished.stderr


def test_a_key_is_registered_for_one_agent(bound, tmp_path):
    shell(KEYGEN, tmp_path)
    first = bound.run("credential", "register", "bot", tmp_path / "bot.public").stdout
    assert bound.run("credential", "register", "bot", tmp_path / "bot.public").stdout == first
    bound.rest().deploy("other")
    finished = bound.run("credential", "register", "other", tmp_path / "bot.public", check=False)
    assert finished.returncode != 0 and "already taken" in finished.stderr


def test_keygen_never_overwrites_a_secret(tmp_path):
    (tmp_path / "bot.seed").write_text("precious")
    finished = subprocess.run([programs.injector_program(), "keygen", tmp_path / "bot.seed"],
                              env=programs.clean_environment(), capture_output=True, text=True)
    assert (finished.returncode, finished.stdout) == (125, "")
    assert "hint: " in finished.stderr
    assert (tmp_path / "bot.seed").read_text() == "precious" and os.listdir(tmp_path) == ["bot.seed"]
