"""Where the kernel makes no thread (a seccomp profile without clone3, a pids limit), each program says so and ends, or
does without. How the injector resolves a name then is in the failure matrix."""

import os
import pathlib
import subprocess
import tempfile

import pytest
from support import no_threads, programs
from support.control_plane import ControlPlane
from support.region import Region
from support.sidecar import watch_credential

UID = 61_234  # of no other process

# LeakSanitizer works in a process of its own, which a limit refuses too.
WITHOUT_LEAK_SEARCH = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))

SECCOMP = ("operation not permitted", "seccomp")
LIMIT = ("resource temporarily unavailable", "pids limit")


def run(command, preexec, **environment):
    return subprocess.run(
        [str(word) for word in command], env=clean_environment(**environment), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=30, preexec_fn=preexec)


def clean_environment(**extra):
    return programs.clean_environment(ASAN_OPTIONS=WITHOUT_LEAK_SEARCH, **extra)


def refusals():
    yield pytest.param(no_threads.refuse_by_seccomp, SECCOMP, id="seccomp")
    yield pytest.param(no_threads.refuse_by_limit(UID), LIMIT, id="limit", marks=pytest.mark.skipif(
        os.geteuid() != 0, reason="needs root"))


def owned_by_another(path):
    if os.geteuid() == 0:
        for directory, _, files in os.walk(path):
            for name in [directory, *(os.path.join(directory, file) for file in files)]:
                os.chown(name, UID, UID)


@pytest.fixture
def open_tmp_path():
    """That another user can reach: pytest closes its own directory whenever a run begins."""
    with tempfile.TemporaryDirectory(prefix="agent-secrets-open.") as directory:
        os.chmod(directory, 0o755)
        yield pathlib.Path(directory)


@pytest.mark.parametrize("refuse, words", refusals())
@pytest.mark.parametrize("more", [(), ("--listen", "127.0.0.1:0"), ("--on-change", "true")],
                         ids=["alone", "with a status server", "with a hook"])
def test_a_sidecar_says_why_it_has_no_thread_and_ends_with_125(open_tmp_path, refuse, words, more):
    credential = open_tmp_path / "watch.credential"
    credential.write_text(watch_credential(Region().mint(["http://127.0.0.1:1"]).text))
    credential.chmod(0o600)
    (open_tmp_path / "state").mkdir()
    if words is LIMIT:
        owned_by_another(open_tmp_path)
    ended = run([programs.sidecar_program(), "run", "--credential-file", credential,
                 "--state-dir", open_tmp_path / "state", *more], refuse)
    assert ended.returncode == 125, ended.stderr
    assert "secret-sidecar: error: make a thread for " in ended.stderr
    assert all(word in ended.stderr for word in words), ended.stderr


@pytest.mark.parametrize("refuse, words", refusals())
def test_a_control_plane_says_why_it_has_no_thread_and_ends_with_1(open_tmp_path, refuse, words):
    plane = ControlPlane(open_tmp_path / "control-plane")
    plane.init()
    if words is LIMIT:
        owned_by_another(open_tmp_path)
    ended = run(plane.command("serve", "--listen", f"127.0.0.1:{plane.port}"), refuse)
    assert ended.returncode == 1, ended.stderr
    assert "secret-control-plane: error: make a thread for " in ended.stderr
    assert all(word in ended.stderr for word in words), ended.stderr


@pytest.mark.parametrize("allowed", range(2, 12))
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_control_plane_that_gets_some_threads_and_then_none_ends_too(open_tmp_path, allowed):
    """Those that were made must not be waited for."""
    plane = ControlPlane(open_tmp_path / "control-plane")
    plane.init()
    owned_by_another(open_tmp_path)
    command = plane.command("serve", "--listen", f"127.0.0.1:{plane.port}")
    with subprocess.Popen(command, env=clean_environment(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, preexec_fn=no_threads.refuse_by_limit(UID, allowed)) as process:
        seen = []
        for line in process.stderr:
            seen.append(line)
            if '"listening"' in line:  # that many are enough
                process.terminate()
        code = process.wait(10)
    said = "".join(seen)
    assert code == (0 if '"listening"' in said else 1), said
    assert '"listening"' in said or "make a thread for " in said


def test_an_injector_without_threads_starts_the_bot_from_a_numeric_address_without_a_sidecar(tmp_path):
    """The sidecar that is refused its threads costs a warning, as any that cannot be started."""
    with ControlPlane(tmp_path / "control-plane") as plane:
        plane.rest().put_secrets("bot-secrets", GREETING="hello")
        plane.wait_ready("bot-secrets")
        plane.rest().deploy("bot", secretSet="bot-secrets")
        credential = plane.issue_credential("bot")
        ended = run([programs.injector_program(), "--sidecar", "--state-dir", tmp_path / "state", "--",
                     "/usr/bin/printenv", "GREETING"], no_threads.refuse_by_seccomp, AGENT_SECRETS_CREDENTIAL=credential)
        assert (ended.returncode, ended.stdout) == (0, "hello\n"), ended.stderr
        required = run([programs.injector_program(), "--sidecar=required", "--state-dir", tmp_path / "state", "--",
                        "/bin/true"], no_threads.refuse_by_seccomp, AGENT_SECRETS_CREDENTIAL=credential)
        assert required.returncode == 125
        assert "secret-sidecar: error: make a thread for " in required.stderr
