"""Descriptors above 2: what the environment or an argument promises is there for the command, and nothing else is."""

import fcntl
import os
import shutil
import socket
import subprocess

import pytest

from support import programs, raw_exec
from support.wait import wait_for

OPEN = "import os; print(*sorted(int(n) for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')))"
SHOW_OPEN = ["/usr/bin/python3", "-S", "-c", OPEN]


@pytest.fixture
def injector(tmp_path):
    (tmp_path / "file").write_text("INJECTED=1\n")
    return [programs.injector_program(), "--env-file", tmp_path / "file", "--"]


def shell(script, *arguments, **environment):
    """Runs a script of bash with "$@" as the injector's command line; its stdout."""
    finished = subprocess.run(["/bin/bash", "-c", script, "bash", *map(str, arguments)], capture_output=True, text=True,
                              env=programs.clean_environment(**environment), stdin=subprocess.DEVNULL, timeout=30)
    assert finished.returncode == 0, finished.stderr
    return finished


def test_process_substitution_reaches_the_command(injector):
    finished = shell('"$@" /bin/cat <(echo one) <(echo two)', *injector)
    assert (finished.stdout, finished.stderr) == ("one\ntwo\n", "")


def test_process_substitution_in_a_variable_reaches_the_command(injector):
    script = 'KEY_FILE=<(echo content) "$@" /bin/sh -c \'cat "$KEY_FILE"\''
    assert shell(script, *injector).stdout == "content\n"


def test_the_injectors_own_options_may_be_substitutions_and_do_not_reach_the_command():
    script = '"$1" --env-file <(echo A=1) -- "${@:2}"'
    assert shell(script, programs.injector_program(), *SHOW_OPEN).stdout == "0 1 2\n"


def test_what_no_one_names_is_closed_between_what_is_kept(injector):
    script = 'exec 5</dev/null 6</dev/null 7</dev/null 8</dev/null; "$@" /dev/fd/6 --fd=8'
    assert shell(script, *injector, *SHOW_OPEN).stdout == "0 1 2 6 8\n"


ACCEPT = """
import os, socket
assert os.environ["LISTEN_PID"] == str(os.getpid())
first, second = (socket.socket(fileno=fd) for fd in range(3, 3 + int(os.environ["LISTEN_FDS"])))
print(first.getsockname()[1], second.getsockname()[1], os.environ["LISTEN_FDNAMES"])
"""


def test_the_sockets_of_systemd_reach_the_command(injector):
    """As systemd starts a service: the variables name the process that execve()s."""
    with socket.create_server(("127.0.0.1", 0)) as http, socket.create_server(("127.0.0.1", 0)) as admin:
        numbers = [os.dup(listener.fileno()) for listener in (http, admin)]

        def hand_over():
            for place, fd in enumerate([moved_up(fd) for fd in numbers]):
                os.dup2(fd, 3 + place, inheritable=True)

        script = 'export LISTEN_PID=$$; exec "$@"'
        argv = ["/bin/bash", "-c", script, "bash", *injector, "/usr/bin/python3", "-S", "-c", ACCEPT]
        environment = raw_exec.as_list(programs.clean_environment(LISTEN_FDS="2", LISTEN_FDNAMES="http:admin"))
        finished = raw_exec.run(argv, environment, hand_over)
        assert finished.stdout.split() == [str(http.getsockname()[1]).encode(), str(admin.getsockname()[1]).encode(),
                                           b"http:admin"], finished.stderr
        for fd in numbers:
            os.close(fd)


def moved_up(fd):
    """A copy above the numbers that are about to be taken."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD, 100)


def test_the_sockets_of_another_process_are_closed_and_the_variables_go(injector):
    script = 'exec 3</dev/null; export LISTEN_FDS=1 LISTEN_PID=1 LISTEN_FDNAMES=x; "$@"'
    finished = shell(script, *injector, "/bin/sh", "-c", "env; ls /proc/self/fd")
    assert "LISTEN_" not in finished.stdout
    assert finished.stdout.split()[-4:] == ["0", "1", "2", "3"]  # the last is the directory that ls reads
    assert finished.stderr == ""


def test_a_channel_that_is_not_open_is_not_promised_to_the_command(injector):
    finished = shell('NODE_CHANNEL_FD=7 "$@" printenv INJECTED; NODE_CHANNEL_FD=7 "$@" printenv NODE_CHANNEL_FD || true',
                     *injector)
    assert finished.stdout == "1\n"
    assert finished.stderr.splitlines() == [
        "warning secret-injector: a variable promises descriptors that the command cannot have: it is left out"
        " variable=NODE_CHANNEL_FD"] * 2


def test_the_trace_of_bash_goes_where_it_was_sent(injector, tmp_path):
    script = f'exec 9>{tmp_path}/trace; export BASH_XTRACEFD=9; "$@" /bin/bash -xc "true traced"'
    assert shell(script, *injector).stderr == ""
    assert "true traced" in (tmp_path / "trace").read_text()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_a_make_below_the_command_shares_the_job_server(injector, tmp_path):
    """With its jobs: an inner make that cannot reach the server warns, and runs one job at a time."""
    command = " ".join(str(word) for word in injector)
    (tmp_path / "outer.mk").write_text(f"all:\n\t+@{command} make -f {tmp_path}/inner.mk\n")
    (tmp_path / "inner.mk").write_text("all: one two\none two:\n\t@echo $@ $(findstring --jobserver-auth,$(MAKEFLAGS))\n")
    finished = shell(f"make -s -j4 -f {tmp_path}/outer.mk")
    assert sorted(finished.stdout.splitlines()) == ["one --jobserver-auth", "two --jobserver-auth"]
    assert finished.stderr == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_has_the_descriptor_too(injector, tmp_path):
    """Reading works by number. Opening /dev/fd/N of a pipe that root made does not: the pipe is root's."""
    read = "import os; print(os.read(9, 100).decode(), end='')"
    script = 'exec 9< <(echo content); "${@:1:1}" --user 4242:4242 "${@:2}" /dev/fd/9'
    program, *rest = injector
    tmp_path.chmod(0o755)
    finished = shell(script, program, *rest, "/usr/bin/python3", "-S", "-c", read)
    assert finished.stdout == "content\n"


def test_a_sidecar_holds_nothing_open_that_was_promised_to_the_bot(control_plane, rest, tmp_path):
    """Otherwise the writer of a pipe would never see that its reader is gone."""
    assert rest.put_secrets("keys", TOKEN="1").status == 202
    control_plane.wait_ready("keys")
    assert rest.deploy("bot", secretSet="keys").status == 200
    command = 'echo $$ > "$0"; exec sleep 30'
    reader, writer = os.pipe()
    try:
        bot = subprocess.Popen(
            [programs.injector_program(), "--state-dir", tmp_path / "state", "--sidecar=required", "--", "/bin/sh", "-c",
             command, tmp_path / "pid", f"/dev/fd/{reader}"], pass_fds=[reader], stdin=subprocess.DEVNULL,
            env=programs.clean_environment(AGENT_SECRETS_CREDENTIAL=control_plane.issue_credential("bot")))
        os.close(reader)
        try:
            holders = wait_for(lambda: (tmp_path / "pid").exists() and holders_of(writer), what="the bot")
            assert holders == [bot.pid]
        finally:
            bot.kill()
            bot.wait()
    finally:
        os.close(writer)


def holders_of(fd):
    """The other processes that have the same pipe open."""
    pipe = os.readlink(f"/proc/self/fd/{fd}")
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        if int(process) == os.getpid():
            continue
        try:
            links = {os.readlink(f"/proc/{process}/fd/{number}") for number in os.listdir(f"/proc/{process}/fd")}
        except OSError:
            continue
        if pipe in links:
            found.append(int(process))
    return found


FORK = """
const [injector, file, child] = process.argv.slice(2);
const options = {execPath: injector, execArgv: ["--env-file", file, "--", process.execPath]};
const forked = require("child_process").fork(child, [], options);
forked.on("message", (message) => { console.log(message); forked.disconnect(); });
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_node_parent_and_its_child_talk_through_the_injector(injector, tmp_path):
    (tmp_path / "parent.js").write_text(FORK)
    (tmp_path / "child.js").write_text("process.send('from the child: ' + process.env.INJECTED);")
    finished = shell('node "$@"', tmp_path / "parent.js", injector[0], injector[2], tmp_path / "child.js")
    assert finished.stdout == "from the child: 1\n"
