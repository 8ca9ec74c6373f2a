"""No value is where it must not be: a whole run with canaries as values, then a search of all places."""

import json
import os
import pathlib
import secrets
import signal
import subprocess

import pytest

from support import canary, programs
from support.control_plane import ControlPlane
from support.rest import Rest
from support.wait import wait_for


class Run:
    """The main job with canaries as values, and all files and logs that it left."""

    def __init__(self, directory):
        self.values = {name: f"canary-{secrets.token_hex(12)}" for name in ("FIRST", "SECOND")}
        self.directory = directory
        self.cache = directory / "cache"
        self.state = directory / "state"
        self.logs = directory / "logs"
        for made in (self.cache, self.state, self.logs):
            made.mkdir()
        self.port = programs.free_port()

    def launch(self, control_plane):
        credential = self.directory / "credential"
        credential.write_text(control_plane.issue_credential("bot"))
        credential.chmod(0o600)
        environment = programs.clean_environment(
            AGENT_SECRETS_SIDECAR_LISTEN=f"127.0.0.1:{self.port}", AGENT_SECRETS_LOG="debug")
        with open(self.logs / "instance.log", "wb") as log:
            self.bot = subprocess.Popen(
                [programs.injector_program(), "-v", "--credential-file", credential,
                 "--cache-dir", self.cache, "--state-dir", self.state, "--sidecar",
                 "--", "/bin/sleep", "600"],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.sidecar = wait_for(self.sidecar_pid, what="the sidecar's start")

    def sidecar_pid(self):
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if words[0].endswith(b"secret-sidecar") and os.fsencode(self.state) in words:
                    return int(entry.name)
        return None

    def flagged(self):
        flag = self.state / "redeploy.json"
        return flag.exists() and json.loads(flag.read_text())

    def end(self):
        if self.bot.poll() is None:
            self.bot.send_signal(signal.SIGKILL)
            self.bot.wait()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("canaries"))
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as control_plane:
        run.control_plane = control_plane
        rest = control_plane.rest()
        assert rest.put_secrets("bot-secrets", KEY="first", **run.values).status == 202
        control_plane.wait_ready("bot-secrets")
        assert rest.deploy("bot", secretSet="bot-secrets").status == 200
        run.launch(control_plane)
        wait_for(lambda: b"secret-injector" not in
                 pathlib.Path(f"/proc/{run.bot.pid}/cmdline").read_bytes(), what="the exec")
        rest.put_secrets("bot-secrets", FIRST=run.values["SECOND"])
        wait_for(run.flagged, what="the flag")
        yield run
        run.end()


@pytest.fixture
def search(run):
    return canary.Search(run.values)


def test_the_search_finds_the_values_where_they_belong(run, search):
    """The bot's environment is the only place that must have the values, so the search must find them there."""
    search.process(run.bot.pid, memory=False)
    assert len(search.leaks) >= len(run.values)


def test_the_search_finds_a_value_planted_in_each_searched_tree(run):
    for directory in (run.control_plane.directory, run.cache, run.state, run.logs):
        planted = directory / "planted"
        planted.write_text(f"x{run.values['FIRST']}x")
        found = canary.Search(run.values)
        found.tree(directory)
        planted.unlink()
        assert found.leaks, directory


def test_no_value_on_the_control_planes_disk_or_in_its_log(run, search):
    assert search.tree(run.control_plane.directory) >= 4
    assert search.leaks == []


def test_no_value_in_cache_state_and_log_of_the_instance(run, search):
    assert search.tree(run.cache) >= 1
    assert search.tree(run.state) >= 2
    assert search.tree(run.logs) == 1
    assert search.leaks == []


def test_no_value_in_the_sidecars_memory(run, search):
    search.process(run.sidecar)
    assert search.places > 10
    assert search.leaks == []


def test_no_value_in_any_command_line(run, search):
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                search.bytes((entry / "cmdline").read_bytes(), str(entry))
            except OSError:
                continue
    assert search.leaks == []


def test_no_value_in_the_sidecars_answers(run, search):
    sidecar = Rest(f"http://127.0.0.1:{run.port}", None, "")
    for path in ("/status", "/metrics", "/readyz", "/livez"):
        answer = sidecar.request("GET", path)
        assert answer.text
        search.text(answer.text, path)
    assert search.leaks == []


def test_no_value_in_any_answer_of_the_rest_api(run, search):
    rest = run.control_plane.rest()
    for path in ("secrets", "secrets/bot-secrets", "services", "services/bot",
                 "services/bot/deployments", "regions", "properties"):
        answer = rest.org("GET", path)
        assert answer.status == 200, path
        search.text(answer.text, path)
    assert search.leaks == []


def test_no_value_is_echoed_by_a_refusal(run, search):
    value = run.values["FIRST"]
    refused = [
        {"secrets": [{"secretKey": "bad key", "secretValue": value}]},
        {"secrets": [{"secretKey": "KEY", "secretValue": value}], "region": "mars"},
        {"secretKey": value, "secretValue": value + "\0"},
        {"secrets": value},
        {"isImagePullSecret": True, "secretValue": value},
    ]
    rest = run.control_plane.rest()
    for body in refused:
        answer = rest.org("PUT", "secrets/bot-secrets", body)
        assert answer.status == 400, (answer.status, answer.text)
        if body.get("secretKey") != value:  # a key's name is not a secret and may be named
            search.text(answer.text, "a refusal")
    broken = rest.org("PUT", "secrets/bot-secrets", raw=f'{{"secretValue":"{value}'.encode())
    assert broken.status == 400
    search.text(broken.text, "the refusal of broken JSON")
    assert search.leaks == []


def test_the_sidecar_and_the_control_plane_leave_no_core_dump(run):
    for pid in (run.sidecar, run.control_plane.process.pid):
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"], core
