"""Runs with the team's values, by the login of the official CLI: `secret-injector --agent bot`."""

import json
import os
import secrets
import subprocess
import sys

import pytest

from support import canary, programs
from support.wait import wait_for

SHOW = "import json, os, sys; print(json.dumps({'environment': dict(os.environ), 'argv': sys.argv}))"


class Scene:
    """The agent bot with the set voice, and vera, a member."""

    def __init__(self, control_plane, rest, directory):
        self.control_plane = control_plane
        self.rest = rest
        self.directory = directory
        self.home = directory / "home"
        self.home.mkdir()
        self.value = f"canary-{secrets.token_hex(12)}"
        assert rest.put_secrets("voice", TOKEN=self.value).status == 202
        control_plane.wait_ready("voice")
        assert rest.deploy("bot", secretSet="voice").status == 200
        control_plane.run("user", "add", "vera")
        control_plane.run("member", "add", "vera")
        self.vera = control_plane.run("token", "create", "laptop", "--user", "vera").stdout.strip()

    def run(self, *options, token=None, command=(sys.executable, "-c", SHOW), **environment):
        """Without a terminal; as an admin unless `token` says otherwise."""
        variables = {"PIPECAT_API_HOST": self.control_plane.url, "PIPECAT_TOKEN": token or self.rest.token,
                     "PIPECAT_ORG": "acme", "HOME": self.home, **environment}
        argv = [programs.injector_program(), *options, "--", *command]
        return subprocess.run(
            [str(word) for word in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
            cwd=self.home, env=programs.clean_environment(**{k: v for k, v in variables.items() if v is not None}))

    def fails(self, *options, **more):
        """The two lines that a failed start prints."""
        finished = self.run(*options, **more)
        assert finished.returncode == 125, finished
        assert "hint: " in finished.stderr
        return finished.stderr

    def credentials(self):
        return self.rest.org("GET", "credentials").body["credentials"]


@pytest.fixture
def scene(control_plane, rest, tmp_path):
    return Scene(control_plane, rest, tmp_path)


def test_an_admin_runs_the_bot_with_the_values_of_the_agent(scene):
    finished = scene.run("--agent", "bot")
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    shown = json.loads(finished.stdout)
    assert shown["environment"]["TOKEN"] == scene.value
    assert shown["environment"]["PIPECAT_ORG"] == "acme"
    (made,) = scene.credentials()
    assert (made["agent"], made["purpose"], made["revokedAt"]) == ("bot", "develop", None)
    assert made["madeBy"].startswith("token ")
    wait_for(lambda: json.loads(scene.control_plane.run("fleet", "bot", "--json").stdout)["agents"],
             what="the run in the fleet view")
    (agent,) = json.loads(scene.control_plane.run("fleet", "bot", "--json").stdout)["agents"]
    assert (len(agent["instances"]), len(agent["developerRuns"])) == (0, 1)


def test_the_token_and_the_key_stay_in_the_injector(scene):
    """Neither the token nor the value is in the command's arguments, in a log, or in a file, and the token is not
    in the command's environment."""
    finished = scene.run("--agent", "bot", "-v")
    assert finished.returncode == 0, finished.stderr
    search = canary.Search({"token": scene.rest.token, "value": scene.value})
    search.text(finished.stderr, "the injector's log")
    search.bytes(scene.control_plane.log_path.read_bytes(), "the control plane's log")
    search.tree(scene.home)
    assert search.leaks == []
    assert list(scene.home.iterdir()) == []
    shown = json.loads(finished.stdout)
    assert "PIPECAT_TOKEN" not in shown["environment"]
    token = canary.Search({"token": scene.rest.token})
    token.text(finished.stdout, "the command's environment and arguments")
    assert token.leaks == []


def test_a_set_may_have_a_token_of_its_own_for_the_bot(scene):
    assert scene.rest.put_secrets("voice", PIPECAT_TOKEN="of the bot").status == 202
    scene.control_plane.wait_ready("voice")
    assert scene.rest.redeploy("bot", secretSet="voice", forceRedeploy=True).status == 200
    shown = json.loads(scene.run("--agent", "bot").stdout)
    assert shown["environment"]["PIPECAT_TOKEN"] == "of the bot"


def test_the_names_are_listed_without_a_command(scene):
    listed = subprocess.run(
        [programs.injector_program(), "env", "--agent", "bot", "--json"], capture_output=True, text=True, timeout=60,
        env=programs.clean_environment(PIPECAT_API_HOST=scene.control_plane.url, PIPECAT_TOKEN=scene.rest.token,
                                       PIPECAT_ORG="acme"))
    assert listed.returncode == 0, listed.stderr
    outcomes = {row["name"]: row["outcome"] for row in json.loads(listed.stdout)["variables"]}
    assert outcomes["TOKEN"] == "new" and outcomes["PIPECAT_TOKEN"] == "removed"


def test_the_doctor_tries_the_login_and_says_what_is_wrong(scene):
    def check(**environment):
        finished = subprocess.run(
            [programs.injector_program(), "check", "--agent", "bot", "--json", "--", sys.executable], cwd=scene.home,
            capture_output=True, text=True, timeout=60, env=programs.clean_environment(**{
                "PIPECAT_API_HOST": scene.control_plane.url, "PIPECAT_TOKEN": scene.rest.token, "PIPECAT_ORG": "acme",
                "HOME": scene.home, **environment}))
        return finished, [(step["name"], step["status"]) for step in json.loads(finished.stdout)["steps"]]

    finished, steps = check()
    assert [name for name, status in steps if status == "failed"] == []
    assert [name for name, _ in steps][:3] == ["login", "register", "resolve"]
    assert ("bundle", "ok") in steps and ("command", "ok") in steps
    assert scene.value not in finished.stdout and scene.rest.token not in finished.stdout
    (made,) = scene.credentials()
    assert made["purpose"] == "develop" and made["expiresAt"] is not None
    assert json.loads(scene.control_plane.run("fleet", "bot", "--json").stdout)["agents"] == []

    finished, steps = check(PIPECAT_TOKEN="pcc_pat_wrong")
    assert (finished.returncode, steps) == (4, [("login", "ok"), ("register", "failed")])
    finished, steps = check(PIPECAT_TOKEN="")
    assert (finished.returncode, steps) == (125, [("login", "failed")])
    silent = f"http://127.0.0.1:{programs.free_port()}"
    assert check(PIPECAT_API_HOST=silent)[0].returncode == 3


def test_a_member_runs_it_where_the_organization_allows_that(scene):
    assert "only admins run an agent" in scene.fails("--agent", "bot", token=scene.vera)
    scene.control_plane.run("organization", "allow-develop")
    assert scene.run("--agent", "bot", token=scene.vera).returncode == 0
    scene.control_plane.run("organization", "allow-develop", "--remove")
    assert [each["revokedAt"] is not None for each in scene.credentials()] == [True]
    assert "only admins run an agent" in scene.fails("--agent", "bot", token=scene.vera)


def test_an_agent_with_a_protected_set_is_for_admins(scene):
    scene.control_plane.run("organization", "allow-develop")
    scene.control_plane.run("set", "protect", "voice")
    assert "'voice'" in scene.fails("--agent", "bot", token=scene.vera)
    assert scene.run("--agent", "bot").returncode == 0


def test_what_stands_in_the_way_is_named(scene):
    assert "PIPECAT_API_HOST is not set" in scene.fails("--agent", "bot", PIPECAT_API_HOST=None)
    assert "you are not logged in" in scene.fails("--agent", "bot", PIPECAT_TOKEN="")
    assert "does not accept the token" in scene.fails("--agent", "bot", token="pcc_pat_wrong")
    assert "there is no agent 'none'" in scene.fails("--agent", "none")
    assert "no access to that organization" in scene.fails("--agent", "bot", "--organization", "other")
    silent = f"http://127.0.0.1:{programs.free_port()}"
    assert "refused" in scene.fails("--agent", "bot", "--timeout", "2s", PIPECAT_API_HOST=silent)
    scene.control_plane.run("member", "add", "vera", "--role", "viewer")
    assert "needs the role member" in scene.fails("--agent", "bot", token=scene.vera)


def test_an_agent_that_has_nothing_to_run_says_so(scene):
    assert scene.rest.deploy("empty").status == 200
    finished = scene.run("--agent", "empty")
    assert finished.returncode == 0
    assert "the agent has no secret set" in finished.stderr


def test_a_key_ends_like_any_other_credential(scene):
    assert scene.run("--agent", "bot", "--expires", "1h").returncode == 0
    (made,) = scene.credentials()
    assert scene.rest.org("DELETE", f"credentials/{made['kid']}").status == 200
    assert scene.credentials()[0]["revokedAt"] is not None
    listed = json.loads(scene.control_plane.run("credential", "list", "bot", "--json").stdout)
    assert [(row["kid"], row["purpose"]) for row in listed] == [(made["kid"], "develop")]


def test_a_command_that_is_no_bot_gets_the_values_too(scene):
    finished = scene.run("--agent", "bot", "--one-shot")
    assert finished.returncode == 0
    assert json.loads(finished.stdout)["environment"]["TOKEN"] == scene.value


def test_the_login_may_be_in_the_file_of_the_cli(scene):
    place = scene.home / ".config" / "pipecatcloud" / "pipecatcloud.toml"
    place.parent.mkdir(parents=True)
    place.write_text(f'token = "{scene.rest.token}"\norg = "acme"\n\n[acme]\ndefault_public_key = "pk_1"\n')
    place.chmod(0o600)
    finished = scene.run("--agent", "bot", PIPECAT_TOKEN=None, PIPECAT_ORG=None)
    assert finished.returncode == 0, finished.stderr
    elsewhere = scene.directory / "other.toml"
    os.rename(place, elsewhere)
    assert scene.run("--agent", "bot", PIPECAT_TOKEN=None, PIPECAT_CONFIG_PATH=elsewhere).returncode == 0
    assert "not logged in" in scene.fails("--agent", "bot", PIPECAT_TOKEN=None)
