"""The sidecar on its own: its hook, its wait, its sleep, its patience."""

import json
import subprocess
import time

import pytest

from support import programs
from support.control_plane import ControlPlane
from support.credential_text import with_identity
from support.cutting_proxy import CuttingProxy
from support.sidecar import Sidecar, watch_credential
from support.wait import wait_for


@pytest.fixture
def credential(control_plane, rest):
    """The watch credential of "bot", bound to version 1 of a set, at sequence 1."""
    rest.put_secrets("set1", KEY="old")
    control_plane.wait_ready("set1")
    assert rest.deploy("bot", secretSet="set1").status == 200
    return watch_credential(control_plane.issue_credential("bot"))


def write_newer(rest, value="new"):
    assert rest.put_secrets("set1", KEY=value).status == 202


def running_sequence(credential, tmp_path):
    """What an instance that starts now runs, as the watch says it."""
    with Sidecar(tmp_path / "probe", credential, sequence=1) as probe:
        return wait_for(lambda: probe.knows().get("latest"), what="the first answer")["sequence"]


def test_the_hook_is_told_of_a_change_once(credential, rest, tmp_path):
    told = tmp_path / "told"
    hook = f'echo "$AGENT_SECRETS_STATE $AGENT_SECRETS_CHANGED_KEYS" >> {told}; echo done'
    options = ("--on-change", hook)
    sequence = running_sequence(credential, tmp_path)
    with Sidecar(tmp_path, credential, *options, sequence=sequence) as sidecar:
        sidecar.wait_until("current")
        write_newer(rest)
        wait_for(lambda: "on-change: done" in sidecar.log_path.read_text(), what="the hook's end")
    assert told.read_text() == "stale set1:KEY\n"
    with Sidecar(tmp_path, credential, *options, sequence=sequence) as sidecar:
        sidecar.wait_until("stale")
        rest.redeploy("bot", secretSet="set1")
        sidecar.wait_until("superseded")
        wait_for(lambda: sidecar.log_path.read_text().count("on-change: done") == 2,
                 what="the hook's second end")
    assert told.read_text() == "stale set1:KEY\nsuperseded set1:KEY\n"
    assert json.loads((sidecar.state_dir / "hook.json").read_text())["exit_code"] == 0


def test_a_hook_ends_with_its_sidecar(credential, rest, tmp_path):
    pid_file = tmp_path / "pid"
    options = ("--on-change", f"echo $$ > {pid_file}; exec sleep 1000")
    with Sidecar(tmp_path, credential, *options, sequence=1) as sidecar:
        write_newer(rest)
        pid = wait_for(lambda: pid_file.exists() and pid_file.read_text().strip(), what="the hook")
        sidecar.process.terminate()
        assert sidecar.process.wait(5) == 0
    assert subprocess.run(["kill", "-0", pid], capture_output=True).returncode != 0


def test_wait_change_returns_with_the_status_of_the_change(credential, rest, tmp_path):
    sequence = running_sequence(credential, tmp_path)
    with Sidecar(tmp_path, credential, sequence=sequence) as sidecar:
        sidecar.wait_until("current")
        waiting = subprocess.Popen(
            [programs.sidecar_program(), "wait-change", "--state-dir", sidecar.state_dir],
            env=programs.clean_environment(), stdout=subprocess.PIPE, text=True)
        write_newer(rest)
        printed, _ = waiting.communicate(timeout=10)
    assert waiting.returncode == 10
    assert printed.startswith("stale: set1 v1→v2 changed: KEY")


def test_the_bots_sessions_are_reported(credential, tmp_path):
    with Sidecar(tmp_path, credential, "--poll-wait", "1", sequence=1) as sidecar:
        wait_for(lambda: sidecar.knows().get("last_heard"), what="an answer")
        (sidecar.state_dir / "sessions.json").write_text('{"schema": 1, "active_sessions": 2}')
        wait_for(lambda: sidecar.knows()["active_sessions"] == 2, what="the report")


def test_an_idle_sidecar_sleeps(credential, tmp_path):
    with Sidecar(tmp_path, credential, sequence=1) as sidecar:
        wait_for(lambda: sidecar.knows().get("last_heard"), what="an answer")
        wait_for(lambda: is_asleep(sidecar), what="its sleep")
        before = sidecar.wake_ups()
        time.sleep(3)  # the length of the observation
        assert sidecar.wake_ups() == before


def is_asleep(sidecar):
    before = sidecar.wake_ups()
    time.sleep(0.2)
    return sidecar.wake_ups() == before


def test_lost_connections_leak_no_descriptor_and_miss_no_change(tmp_path):
    with ControlPlane(tmp_path / "control-plane") as direct:
        with CuttingProxy(direct.port) as proxy:
            url = f"http://127.0.0.1:{proxy.port}"
            direct.stop()
            direct.serve_options = ["--public-url", url]
            direct.start()
            rest = direct.rest()
            rest.put_secrets("set1", KEY="old")
            direct.wait_ready("set1")
            rest.deploy("bot", secretSet="set1")
            credential = with_identity(watch_credential(direct.issue_credential("bot")), urls=[url])
            with Sidecar(tmp_path, credential, sequence=1) as sidecar:
                wait_for(lambda: sidecar.knows().get("reconnects", 0) >= 1, what="a reconnect")
                before = sidecar.descriptors()
                write_newer(rest)
                wait_for(lambda: sidecar.knows().get("reconnects", 0) >= 8, 20, "eight reconnects")
                # While the sidecar connects it has one more descriptor. A leaked descriptor would stay open.
                wait_for(lambda: sidecar.descriptors() <= before, what="no more descriptors than before")
                assert sidecar.knows()["latest"]["sets"][0]["version"] == 2
