"""The command is as it would be without the injector in front: every exit code and signal, every inherited attribute.

Most tests run the same command twice, alone and under the injector, and compare.
"""

import concurrent.futures
import os
import pathlib
import pty
import random
import re
import resource
import signal

import pytest

from support import programs, raw_exec
from support.control_plane import ControlPlane
from support.wait import wait_for

UNUSED_BY_LIBC = sorted(set(range(1, 65)) - {32, 33})  # the C library keeps two for itself
CATCHABLE = [number for number in UNUSED_BY_LIBC if number not in (signal.SIGKILL, signal.SIGSTOP)]
# A sanitizer's runtime, in the build that has one, would catch three signals and set the core limit by itself.
SANITIZER = ":".join([os.environ.get("ASAN_OPTIONS", ""), "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:disable_coredump=0"])
ENVIRONMENT = raw_exec.as_list(programs.clean_environment() | {"ASAN_OPTIONS": SANITIZER.lstrip(":")})


@pytest.fixture(scope="module")
def env_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("env") / "file"
    path.write_text("INJECTED=1\n")
    return path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """Options that fetch a bundle from a real control plane, with a cache and a sidecar."""
    directory = tmp_path_factory.mktemp("bundle")
    with ControlPlane(directory / "control-plane") as control_plane:
        rest = control_plane.rest()
        assert rest.put_secrets("bot-secrets", INJECTED="1").status == 202
        control_plane.wait_ready("bot-secrets")
        assert rest.deploy("bot", secretSet="bot-secrets").status == 200
        credential = directory / "credential"
        credential.write_text(control_plane.issue_credential("bot"))
        credential.chmod(0o400)
        yield ["--credential-file", credential, "--cache-dir", directory / "cache",
               "--state-dir", directory / "state", "--sidecar"]


@pytest.fixture(scope="module", params=["env file", "bundle and sidecar"])
def injector(request, env_file):
    """The injector's command line up to the command, for both sources of secrets."""
    options = ["--env-file", env_file] if request.param == "env file" else request.getfixturevalue("bundle")
    return [programs.injector_program(), *options, "--"]


def alone_and_injected(injector, command, setup=None, **more):
    """What both wrote to stdout; each has to succeed."""
    outputs = []
    for argv in (command, [*injector, *command]):
        finished = raw_exec.run(argv, ENVIRONMENT, setup, **more)
        assert finished.returncode == 0, finished.stderr
        outputs.append(finished.stdout)
    return outputs


# Exit codes and deaths


def test_every_exit_code_is_the_commands(env_file):
    def exit_code(number):
        argv = [programs.injector_program(), "--env-file", env_file, "--", "/bin/sh", "-c", f"exit {number}"]
        return raw_exec.run(argv, ENVIRONMENT).returncode

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(exit_code, range(256))) == list(range(256))


def end_of(argv, number):
    """How a command ends that sends itself a signal: ("stopped" | "killed" | "exited", number)."""
    process = raw_exec.popen([*argv, "/bin/sh", "-c", f"kill -{number} $$; exit 7"], ENVIRONMENT)
    with process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            process.kill()
            process.wait()
            return "stopped", os.WSTOPSIG(status)
        process.returncode = os.waitstatus_to_exitcode(status)  # reaped here, not by Popen
    return ("exited", os.WEXITSTATUS(status)) if os.WIFEXITED(status) else ("killed", os.WTERMSIG(status))


def test_every_signal_that_ends_or_stops_the_command_is_seen_unchanged(env_file):
    injector = [programs.injector_program(), "--env-file", env_file, "--"]
    seen = {number: [end_of(words, number) for words in ([], injector)]
            for number in UNUSED_BY_LIBC}
    assert {number: ends for number, ends in seen.items() if ends[0] != ends[1]} == {}
    assert seen[signal.SIGKILL][1] == ("killed", signal.SIGKILL)
    assert seen[signal.SIGSTOP][1] == ("stopped", signal.SIGSTOP)
    assert seen[signal.SIGCHLD][1] == ("exited", 7)
    assert sum(ends[1][0] == "killed" for ends in seen.values()) > 50


COUNTER = f"""
import os, signal
for number in {CATCHABLE}:
    signal.signal(number, lambda number, frame: os.write(1, b"%d\\n" % number))
os.write(1, b"ready\\n")
while True:
    signal.pause()
"""


def test_every_catchable_signal_reaches_the_command_at_the_pid_that_was_started(injector):
    with raw_exec.popen([*injector, "/usr/bin/python3", "-S", "-c", COUNTER], ENVIRONMENT) as process:
        try:
            assert process.stdout.readline() == b"ready\n"
            for number in CATCHABLE:
                os.kill(process.pid, number)
                assert process.stdout.readline() == b"%d\n" % number
        finally:
            process.kill()


# Signals that are inherited


def signal_state(ignored=(), blocked=(), pending=()):
    def setup():
        for number in CATCHABLE:
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [*blocked, *pending])
        for number in pending:
            os.kill(os.getpid(), number)
    return setup


def odd_even(signals):
    return {"ignored": [number for number in signals if number % 2], "blocked": [n for n in signals if n % 2 == 0]}


@pytest.mark.parametrize("state", [
    {}, {"ignored": CATCHABLE}, {"blocked": CATCHABLE}, {"ignored": CATCHABLE, "blocked": CATCHABLE},
    odd_even(CATCHABLE), odd_even([number + 1 for number in CATCHABLE if number + 1 in CATCHABLE]),
    {"ignored": [signal.SIGPIPE]}, {"ignored": [signal.SIGTERM]}, {"ignored": [signal.SIGCHLD]},
    {"blocked": [signal.SIGPIPE, signal.SIGCHLD]}, {"pending": [signal.SIGTERM, signal.SIGUSR1, 40]},
], ids=["default", "all ignored", "all blocked", "all both", "odd ignored", "even ignored", "SIGPIPE ignored",
        "SIGTERM ignored", "SIGCHLD ignored", "SIGPIPE blocked", "pending"])
def test_ignored_blocked_and_pending_signals_are_inherited_exactly(injector, state):
    lines = [re.findall(rb"^(?:Sig|Shd)(?:Ign|Blk|Cgt|Pnd):.*", text, re.MULTILINE)
             for text in alone_and_injected(injector, ["/bin/cat", "/proc/self/status"], signal_state(**state))]
    assert len(lines[0]) == 5
    assert lines[0] == lines[1]


# Streams and descriptors


def test_stdin_and_stdout_are_binary_exact(injector):
    everything = bytes(range(256)) + random.Random(1).randbytes(1 << 20)
    finished = raw_exec.run([*injector, "/bin/cat"], ENVIRONMENT, stdin=everything)
    assert finished.stdout == everything


def test_nothing_is_read_from_stdin_before_the_command_does(injector):
    """A file's offset is shared: a single byte read too early would be missing."""
    finished = raw_exec.run([*injector, "/bin/sh", "-c", "read first; cat"], ENVIRONMENT, stdin=b"1\n2\n3\n")
    assert finished.stdout == b"2\n3\n"


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)], ids=str)
def test_a_standard_stream_that_was_closed_is_open_on_dev_null(injector, closed, tmp_path):
    seen = tmp_path / "seen"
    # find writes to the file by itself: a redirection would be one more descriptor.
    command = ["/usr/bin/find", "/proc/self/fd/", "-type", "l", "-fprintf", seen, "%f %l\\n"]
    finished = raw_exec.run([*injector, *command], ENVIRONMENT,
                            lambda: [os.close(fd) for fd in closed])
    assert finished.returncode == 0
    links = dict(line.split(" ", 1) for line in seen.read_text().splitlines())
    assert [links[str(fd)] == "/dev/null" for fd in range(3)] == [fd in closed for fd in range(3)]


def test_no_descriptor_above_2_reaches_the_command(injector):
    """Not even those that the injector itself was given, the highest possible one among them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(most, 1 << 20)

    numbers = {3, 4, 5, 6, 9, 10, 63, 64, 255, 256, 1023, most - 1}

    def open_many():
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        for fd in numbers:
            os.dup2(2, fd, inheritable=True)

    alone, injected = (
        {int(number) for number in text.split()}
        for text in alone_and_injected(injector, ["/bin/ls", "/proc/self/fd"], open_many))
    assert alone >= numbers
    assert injected == {0, 1, 2, 3}  # the last is the directory that ls reads


def test_terminal_session_and_process_group_stay(injector, tmp_path):
    """On a terminal of its own: ^C there ends the command, as it would without the injector."""
    seen = tmp_path / "seen"
    pid, terminal = pty.fork()
    if pid == 0:
        script = f"cat /proc/$$/stat > {seen}.new; mv {seen}.new {seen}; exec sleep 60"
        os.execve(injector[0], [*map(str, injector), "/bin/sh", "-c", script], programs.clean_environment())
    try:
        wait_for(seen.exists, what="the command's start")
        fields = seen.read_text().rsplit(")", 1)[1].split()
        group, session, terminal_number, foreground = map(int, fields[2:6])
        assert (group, session, foreground) == (pid, pid, pid)
        assert terminal_number != 0
        os.write(terminal, b"\x03")
        _, status = os.waitpid(pid, 0)
        pid = None
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT
    finally:
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(terminal)


# What else a process has

VOLATILE = re.compile(rb"^(Name|State|Pid|Tgid|Ngid|PPid|NStgid|NSpid|FDSize|Vm\w+|Rss\w+|Hugetlb\w+|Threads|SigQ"
                      rb"|(non)?voluntary_ctxt_switches|Max core file size)\b")


def test_everything_else_of_the_process_stays(injector, tmp_path):
    """umask, directory, priority, limits, groups, capabilities, CPUs: all that /proc shows, but the core limit."""
    def setup():
        os.umask(0o137)
        os.chdir(tmp_path)
        os.nice(7)
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))
        resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, 16 << 20))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 31))
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
        pathlib.Path("/proc/self/oom_score_adj").write_text("77")

    script = "pwd -P; nice; cat /proc/self/oom_score_adj; cat /proc/self/status /proc/self/limits"
    alone, injected = (
        [line for line in text.splitlines() if not VOLATILE.match(line)]
        for text in alone_and_injected(injector, ["/bin/sh", "-c", script], setup))
    assert alone == injected
    assert b"Umask:\t0137" in injected and b"77" in injected
    assert len(injected) > 40


def core_limit(injector, *options):
    argv = [injector[0], *options, *injector[1:], "/bin/cat", "/proc/self/limits"]
    text = raw_exec.run(argv, ENVIRONMENT, lambda: resource.setrlimit(resource.RLIMIT_CORE, (4096, 8192))).stdout
    return re.search(rb"Max core file size +(\S+) +(\S+)", text).groups()


def test_the_core_limit_is_zero_unless_asked_for(injector):
    assert core_limit(injector) == (b"0", b"0")
    assert core_limit(injector, "--core") == (b"4096", b"8192")


# Arguments and environment

ARGUMENTS = [b"", b"--", b"-x", b"--env-file", b"--only=A", b"a b", b"'\"`$\\", b"\n", b"\xff\xfe", b"\xc3\xa9", b"",
             b"a" * 100_000, b"=", b"%s"]


def test_arguments_are_exact(injector):
    script = "cat /proc/$$/cmdline"
    finished = raw_exec.run([*injector, "/bin/sh", "-c", script, *ARGUMENTS], ENVIRONMENT)
    assert finished.stdout.split(b"\0")[:-1] == [b"/bin/sh", b"-c", script.encode(), *ARGUMENTS]


def test_without_dashes_the_command_begins_at_the_first_word(injector):
    finished = raw_exec.run([*injector[:-1], "/bin/echo", *ARGUMENTS[1:]], ENVIRONMENT)
    assert finished.stdout == b" ".join(ARGUMENTS[1:]) + b"\n"


ODD = [b"ZULU=last in no order", b"DUP=1", b"NO_EQUALS", b"DUP=2", b"=C:=C:\\", b"", b"\xff\xfe=\xfd", b"DUP=1",
       b"EMPTY=", b"=", b"a b\tc=\n\n", b"-=-", b"\xc3\xa9t\xc3\xa9=1", b"AGENT_SECRETS_LOG=text", b"", b"NO_EQUALS",
       b"LONG=" + b"x" * 100_000, b"EQUALS==a=b="]
CREDENTIALS = [b"AGENT_SECRETS_CREDENTIAL=x", b"AGENT_SECRETS_CREDENTIAL_FILE=/nonexistent",
               b"AGENT_SECRETS_CREDENTIAL=y"]


def test_the_environment_is_byte_for_byte_the_images_then_the_sets(injector):
    """With entries that no shell would make, in their order. Only what names a credential is gone."""
    image = [*CREDENTIALS[:1], *ODD, b"INJECTED=image", *CREDENTIALS[1:]]
    finished = raw_exec.run([*injector, "/bin/cat", "/proc/self/environ"], image)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == b"".join(entry + b"\0" for entry in [*ODD, b"INJECTED=1"])


def test_a_set_of_nothing_new_and_an_empty_image_are_fine(injector):
    finished = raw_exec.run([*injector, "/bin/cat", "/proc/self/environ"], [])
    assert finished.stdout == b"INJECTED=1\0"


# PID 1


def as_pid_one(injector, script):
    return ["/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *injector, "/bin/sh", "-c", script]


@pytest.mark.skipif(os.geteuid() != 0, reason="a PID namespace needs root")
def test_as_pid_one_the_command_is_pid_one(injector):
    """With a sidecar beside it too, whose intermediate parent is gone by then."""
    script = 'echo $$; cat /proc/1/comm; test "$(cat /proc/1/task/1/children | wc -w)" -le 2; exit 42'
    finished = raw_exec.run(as_pid_one(injector, script), ENVIRONMENT)
    assert (finished.stdout, finished.returncode) == (b"1\nsh\n", 42), finished.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="a PID namespace needs root")
def test_as_pid_one_a_signal_reaches_the_command(injector):
    script = "trap 'echo got; exit 3' TERM; echo ready; while :; do sleep 0.05; done"
    with raw_exec.popen(as_pid_one(injector, script), ENVIRONMENT) as process:
        assert process.stdout.readline() == b"ready\n"
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)
        assert process.stdout.readline() == b"got\n"
        assert process.wait() == 3
