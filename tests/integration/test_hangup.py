"""SIGHUP, the end of a terminal, and other signals that are no stop: who ends, and how."""

import os
import resource
import signal
import subprocess

import pytest
from support import programs
from support.region import Region
from support.sidecar import Sidecar, watch_credential
from support.wait import wait_for


@pytest.fixture
def watching():
    """A watch credential whose control plane is away."""
    return watch_credential(Region().mint(["http://127.0.0.1:1"]).text)


def signals(process, field):
    """Numbers in a mask of /proc/PID/status."""
    with open(f"/proc/{process.pid}/status") as status:
        return numbers(next(line.split()[1] for line in status if line.startswith(field + ":")))


def numbers(mask):
    return {number for number in range(1, 65) if int(mask, 16) >> (number - 1) & 1}


def test_a_sidecar_without_a_bot_ends_with_its_terminal(tmp_path, watching):
    with Sidecar(tmp_path, watching, sequence=1) as sidecar:
        wait_for(sidecar.knows, what="the first error")
        sidecar.process.send_signal(signal.SIGHUP)
        assert sidecar.process.wait(5) == 0
        assert "ending: signal" in sidecar.log_path.read_text()


def test_a_sidecar_beside_a_bot_outlives_the_terminal_as_long_as_the_bot(tmp_path, watching):
    bot = subprocess.Popen(["/bin/sleep", "60"])
    try:
        with Sidecar(tmp_path, watching, "--bot-pid", bot.pid, sequence=1) as sidecar:
            wait_for(sidecar.knows, what="the first error")
            sidecar.process.send_signal(signal.SIGHUP)
            with pytest.raises(subprocess.TimeoutExpired):
                sidecar.process.wait(1)
            bot.kill()
            bot.wait()
            assert sidecar.process.wait(5) == 0
            assert "the bot has ended" in sidecar.log_path.read_text()
    finally:
        bot.kill()
        bot.wait()


def test_a_sidecar_under_nohup_outlives_the_terminal(tmp_path, watching):
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    with Sidecar(tmp_path, watching, sequence=1, preexec_fn=ignore) as sidecar:
        wait_for(sidecar.knows, what="the first error")
        sidecar.process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            sidecar.process.wait(1)


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGXFSZ], ids=lambda one: one.name)
def test_a_signal_for_the_bot_does_not_end_its_sidecar(tmp_path, watching, number):
    with Sidecar(tmp_path, watching, sequence=1) as sidecar:
        wait_for(sidecar.knows, what="the first error")
        sidecar.process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            sidecar.process.wait(1)


def test_a_hook_has_the_default_of_every_signal_that_its_sidecar_ignores(tmp_path, control_plane):
    rest = control_plane.rest()
    rest.put_secrets("bot-secrets", GREETING="one")
    control_plane.wait_ready("bot-secrets")
    rest.deploy("bot", secretSet="bot-secrets")
    credential = watch_credential(control_plane.issue_credential("bot"))
    seen = tmp_path / "seen"
    hook = f"grep SigIgn /proc/self/status > {seen}.new; mv {seen}.new {seen}"
    with Sidecar(tmp_path, credential, "--on-change", hook, sequence=1) as sidecar:
        sidecar.wait_until("current")
        ignored = signals(sidecar.process, "SigIgn")
        rest.put_secrets("bot-secrets", GREETING="two")
        wait_for(seen.exists, what="the hook")
    assert {signal.SIGPIPE, signal.SIGXFSZ, signal.SIGUSR1, signal.SIGUSR2} <= ignored
    assert not ignored & numbers(seen.read_text().split()[1])


@pytest.mark.parametrize("ignored", [False, True], ids=["in a terminal", "under nohup"])
def test_the_bot_gets_the_injector_s_own_disposition_of_a_hangup(tmp_path, ignored):
    env_file = tmp_path / "env"
    env_file.write_text("KEY=value\n")
    disposition = signal.SIG_IGN if ignored else signal.SIG_DFL
    bot = subprocess.run(
        [programs.injector_program(), "--env-file", env_file, "--", "/usr/bin/python3", "-c",
         "import signal; print(signal.getsignal(signal.SIGHUP).name)"],
        env=programs.clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, disposition))
    assert bot.stdout.strip() == disposition.name, bot.stderr


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM], ids=lambda one: one.name)
def test_an_injector_that_waits_ends_with_its_terminal(tmp_path, number):
    pipe = tmp_path / "credential"
    os.mkfifo(pipe, 0o600)
    with subprocess.Popen([programs.injector_program(), "--credential-file", pipe, "--", "/bin/true"],
                          env=programs.clean_environment(), stdin=subprocess.DEVNULL) as injector:
        wait_for(lambda: number in signals(injector, "SigCgt"), what="the injector's handler")
        injector.send_signal(number)
        assert injector.wait(5) == 128 + number


def test_a_cache_past_the_file_size_limit_does_not_kill_the_injector(tmp_path, control_plane):
    """SIGXFSZ, as SIGPIPE: the write fails, and that is a failure like any other."""
    rest = control_plane.rest()
    rest.put_secrets("bot-secrets", GREETING="x" * 20_000)
    control_plane.wait_ready("bot-secrets")
    rest.deploy("bot", secretSet="bot-secrets")
    ended = subprocess.run(
        [programs.injector_program(), "--cache-dir", tmp_path / "cache", "--", "/bin/true"],
        env=programs.clean_environment(AGENT_SECRETS_CREDENTIAL=control_plane.issue_credential("bot")),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
    assert ended.returncode in (0, 125), ended.stderr
    assert "file too large" in ended.stderr
