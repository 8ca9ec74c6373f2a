"""A log that is not read holds up none of the programs: stderr is a pipe that is full from the beginning."""

import contextlib
import fcntl
import json
import os
import subprocess
import time

import pytest
from support import programs
from support.control_plane import ControlPlane
from support.instance import get
from support.region import Region
from support.sidecar import Sidecar, watch_credential
from support.wait import wait_for


class FullPipe:
    """Its writing end takes nothing until drain()."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(self.writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self.writer, b"x" * 4096)
        os.set_blocking(self.writer, True)  # the flag is of the pipe, not of this process
        os.set_blocking(self.reader, False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.reader)
        os.close(self.writer)

    def drain(self, until, timeout=10):
        """What was written, up to the text."""
        said = b""
        end = time.monotonic() + timeout
        while until.encode() not in said:
            assert time.monotonic() < end, f"not in the log: {until!r}: {said[-2000:]!r}"
            with contextlib.suppress(BlockingIOError):
                said += os.read(self.reader, 65536)
            time.sleep(0.001)
        return said.decode().replace("x", "", 4096)


@pytest.fixture
def pipe():
    with FullPipe() as full:
        yield full


def start_with(plane, pipe):
    plane.process = subprocess.Popen(
        plane.command("serve", "--listen", f"127.0.0.1:{plane.port}"), env=programs.clean_environment(),
        stdin=subprocess.DEVNULL, stdout=pipe.writer, stderr=pipe.writer)
    wait_for(lambda: get(f"{plane.url}/openapi.json")[0] == 200, what="the control plane's start")


def dropped(plane):
    text = plane.rest().request("GET", "/metrics").text
    return next(int(float(line.split()[1])) for line in text.splitlines()
                if line.startswith("agent_secrets_log_lines_dropped_total "))


def test_a_server_whose_log_is_not_read_answers_and_says_later_what_is_missing(tmp_path, pipe):
    with ControlPlane(tmp_path) as plane:
        plane.stop()
        start_with(plane, pipe)
        rest = plane.rest()
        for _ in range(1000):
            assert rest.request("GET", "/v1/secrets").status == 200
        wait_for(lambda: (rest.request("GET", "/v1/secrets").status, dropped(plane))[1] > 100, 60, "a dropped line")
        said = pipe.drain("log lines are missing here")
        assert said.startswith("{")
        missing = next(json.loads(line) for line in said.splitlines() if "log lines are missing" in line)
        assert missing["level"] == "warning" and missing["dropped"] > 100
        rest.request("GET", "/v1/agents")
        pipe.drain("/v1/agents")


def test_a_server_whose_log_is_not_read_stops_in_time(tmp_path, pipe):
    with ControlPlane(tmp_path) as plane:
        plane.stop()
        start_with(plane, pipe)
        begin = time.monotonic()
        assert plane.stop() == 0
        assert time.monotonic() - begin < 5


def test_a_sidecar_whose_log_is_not_read_flags_a_redeploy(tmp_path, pipe, control_plane):
    rest = control_plane.rest()
    rest.put_secrets("bot-secrets", GREETING="one")
    control_plane.wait_ready("bot-secrets")
    rest.deploy("bot", secretSet="bot-secrets")
    credential = control_plane.issue_credential("bot")
    with Sidecar(tmp_path / "sidecar", watch_credential(credential), "--on-change", "echo something changed",
                 sequence=1, stdout=pipe.writer, stderr=pipe.writer) as sidecar:
        sidecar.wait_until("current", timeout=20)
        rest.put_secrets("bot-secrets", GREETING="two")
        sidecar.wait_until("stale", timeout=20)
        assert json.loads((sidecar.state_dir / "redeploy.json").read_text())["state"] == "stale"
        assert "REDEPLOY NEEDED" in pipe.drain("REDEPLOY NEEDED")


def test_a_sidecar_that_cannot_start_ends_though_its_stderr_is_not_read(tmp_path, pipe):
    process = subprocess.Popen(
        [str(programs.sidecar_program()), "run", "--credential-file", str(tmp_path / "missing"),
         "--state-dir", str(tmp_path)],
        env=programs.clean_environment(), stdin=subprocess.DEVNULL, stderr=pipe.writer)
    assert process.wait(5) == 125


def test_an_injector_whose_warnings_are_not_read_starts_the_bot(tmp_path, pipe):
    """The first warning comes before the bot: --only names a key that no set has."""
    env_file = tmp_path / "env"
    env_file.write_text("KEY=value\n")
    process = subprocess.Popen(
        [str(programs.injector_program()), "--env-file", str(env_file), "--only", "OTHER", "--timeout", "20s", "-v", "--",
         "/bin/echo", "started"],
        env=programs.clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=pipe.writer)
    begin = time.monotonic()
    out, _ = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, b"started\n")
    assert time.monotonic() - begin < 5


def test_an_injector_that_cannot_execute_the_command_ends_though_its_stderr_is_not_read(tmp_path, pipe):
    env_file = tmp_path / "env"
    env_file.write_text("KEY=value\n")
    process = subprocess.Popen(
        [str(programs.injector_program()), "--env-file", str(env_file), "--", "/nonexistent"],
        env=programs.clean_environment(), stdin=subprocess.DEVNULL, stderr=pipe.writer)
    assert process.wait(5) == 127


def test_the_bot_s_stderr_stays_a_blocking_one(tmp_path, pipe):
    """O_NONBLOCK belongs to what all share: the bot's own writes would fail."""
    env_file = tmp_path / "env"
    env_file.write_text("KEY=value\n")
    process = subprocess.Popen(
        [str(programs.injector_program()), "--env-file", str(env_file), "-v", "--", "/usr/bin/python3", "-c",
         "import os; print(os.get_blocking(2))"],
        env=programs.clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=pipe.writer)
    assert process.communicate(timeout=10)[0] == b"True\n"


@pytest.mark.parametrize("wish, is_stamped", [({}, False), ({"AGENT_SECRETS_LOG": "text"}, True)])
def test_text_that_is_asked_for_has_the_time(tmp_path, wish, is_stamped):
    credential = watch_credential(Region().mint(["http://127.0.0.1:1"]).text)
    with Sidecar(tmp_path, credential, sequence=1, environment=wish) as sidecar:
        wait_for(lambda: "cannot hear" in sidecar.log_path.read_text(), what="a warning")
        first = sidecar.log_path.read_text().split()[0]
    assert (first != "warning") == is_stamped
    if is_stamped:
        time.strptime(first, "%Y-%m-%dT%H:%M:%S.%fZ")
