"""`set wait`, from outside: its exit codes and what it prints. Its timing is tested beside the code."""

import contextlib
import os
import re
import subprocess

import pytest

from support import programs
from support.control_plane import ControlPlane
from support.set_states import damage, held_region
from support.wait import wait_for


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        rest = running.rest()
        assert rest.put_secrets("bot-secrets", A="1").status == 202
        registry = {"isImagePullSecret": True, "secretValue": "dXNlcjp0b2s=", "host": "registry.example"}
        assert rest.org("PUT", "secrets/registry", registry).status == 202
        yield running


def wait(control_plane, name, *options):
    return control_plane.run("set", "wait", name, *options, check=False)


def test_a_set_and_an_image_pull_secret_are_waited_for_in_silence(control_plane):
    for name in ("bot-secrets", "registry"):
        finished = wait(control_plane, name, "--timeout", "10s")
        assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")


def test_a_set_that_stays_pending_times_out_with_4(control_plane):
    with held_region(control_plane):
        assert control_plane.rest().put_secrets("bot-secrets", A="2").status == 202
        finished = wait(control_plane, "bot-secrets", "--timeout", "1s")
    assert finished.returncode == 4
    assert "set 'bot-secrets' version 2 is pending after 1 s" in finished.stderr
    assert wait(control_plane, "bot-secrets", "--timeout", "10s").returncode == 0


def test_a_terminal_is_told_what_is_waited_for(control_plane):
    ours, theirs = os.openpty()
    with held_region(control_plane):
        assert control_plane.rest().put_secrets("bot-secrets", A="3").status == 202
        process = subprocess.Popen(
            control_plane.command("set", "wait", "bot-secrets"),
            env=programs.clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs,
        )
        os.close(theirs)
        shown = bytearray()
        wait_for(lambda: shown.extend(os.read(ours, 1024)) or b"version 3 is pending" in shown, what="the progress")
    assert process.wait(10) == 0
    with contextlib.suppress(OSError):  # EIO: the other side is closed
        while chunk := os.read(ours, 1024):
            shown.extend(chunk)
    os.close(ours)
    assert shown.split(b"\r\n")[:-1] == [
        b"set 'bot-secrets' version 3 is pending", b"set 'bot-secrets' version 3 is ready"
    ]


def test_a_set_that_failed_exits_3_and_says_why(control_plane):
    control_plane.rest().put_secrets("broken", A="1")
    control_plane.wait_ready("broken")
    damage(control_plane, "broken")
    why = control_plane.rest().org("GET", "secrets/broken").body["errorMessage"]
    finished = wait(control_plane, "broken")
    assert finished.returncode == 3
    assert f"set 'broken' version 1 is failed: {why}" in finished.stderr


@pytest.mark.parametrize("arguments, code, says", [
    (("unknown",), 1, "no set 'unknown'"),
    (("bot-secrets", "--organization", "nobody"), 1, "no organization 'nobody'"),
    (("bot-secrets", "--timeout", "soon"), 2, "--timeout"),
    (("bot-secrets", "--timeout", "2d"), 2, "--timeout"),
])
def test_what_cannot_be_waited_for_is_an_error_of_its_own(control_plane, arguments, code, says):
    finished = wait(control_plane, *arguments)
    assert finished.returncode == code
    assert says in finished.stderr


def test_help_has_the_exit_codes():
    shown = subprocess.run(
        [programs.control_plane_program(), "set", "wait", "--help"], capture_output=True, text=True, timeout=10
    ).stdout
    codes = shown[shown.index("Exit status"):]
    for code, says in ((0, "is ready"), (3, "could not store"), (4, "still pending")):
        assert re.search(rf"^  {code} .*{says}", codes, re.MULTILINE)
