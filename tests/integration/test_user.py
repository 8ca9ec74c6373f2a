"""--user UID:GID: the command runs as somebody who cannot read the credential, and cannot be root again."""

import ctypes
import os
import pathlib
import signal
import stat
import struct
import subprocess

import pytest

from support import programs, raw_exec
from support.control_plane import ControlPlane
from support.wait import wait_for

USER, GROUP = 4242, 4343
KEEP_CAPS_AND_NO_FIXUP = 0b10100  # capabilities(7), securebits: KEEP_CAPS, NO_SETUID_FIXUP
PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 28, 47, 2

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
ENVIRONMENT = programs.clean_environment()


@pytest.fixture
def env_file(tmp_path):
    path = tmp_path / "env-file"
    path.write_text("INJECTED=1\n")
    path.chmod(0o400)
    return path


def inject(env_file, user, *command, setup=None, environment=ENVIRONMENT):
    argv = [programs.injector_program(), "--env-file", env_file, "--user", user, "--", *command]
    return raw_exec.run(argv, raw_exec.as_list(environment), setup)


def status_of(text):
    """/proc/PID/status as {name: words}."""
    return {line.split(":")[0]: line.split(":")[1].split() for line in text.decode().splitlines() if ":" in line}


def assert_dropped(status, user, group, groups):
    assert status["Uid"] == [str(user)] * 4
    assert status["Gid"] == [str(group)] * 4
    assert status["Groups"] == [str(number) for number in groups]
    for held in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[held][0], 16) == 0, held


@needs_root
@pytest.mark.parametrize("user, groups", [
    (f"{USER}:{GROUP}", [GROUP]), (f"{USER}:{GROUP},50,7,50", [7, 50, GROUP]), (f"{USER}:0", [0]),
    ("4294967294:4294967294", [4294967294]),
])
def test_user_groups_and_capabilities_are_exactly_these(env_file, user, groups):
    finished = inject(env_file, user, "/bin/cat", "/proc/self/status", setup=lambda: os.setgroups([1, 2, 3]))
    assert finished.returncode == 0, finished.stderr
    status = status_of(finished.stdout)
    first = user.split(",")[0].split(":")
    assert_dropped(status, *first, groups)
    mine = status_of(pathlib.Path("/proc/self/status").read_bytes())
    for kept in ("CapBnd", "NoNewPrivs", "Seccomp"):
        assert status[kept] == mine[kept]


def keep_capabilities():
    """What would let root's capabilities outlive a change of user: inheritable, ambient, and securebits."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("II", 0x20080522, 0)
    everything = struct.pack("6I", *[0] * 6)
    buffer = ctypes.create_string_buffer(everything, len(everything))
    assert libc.capget(header, buffer) == 0
    effective, permitted, _, effective2, permitted2, _ = struct.unpack("6I", buffer.raw)
    all_inheritable = struct.pack("6I", effective, permitted, permitted, effective2, permitted2, permitted2)
    assert libc.capset(header, all_inheritable) == 0
    for capability in (0, 1, 6, 7):
        assert libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0
    assert libc.prctl(PR_SET_SECUREBITS, KEEP_CAPS_AND_NO_FIXUP, 0, 0, 0) == 0


@needs_root
def test_no_capability_is_kept_where_the_parent_arranged_for_it(env_file):
    finished = inject(env_file, f"{USER}:{GROUP}", "/bin/cat", "/proc/self/status", setup=keep_capabilities)
    assert finished.returncode == 0, finished.stderr
    assert_dropped(status_of(finished.stdout), USER, GROUP, [GROUP])


@needs_root
def test_the_command_cannot_become_root_again(env_file):
    script = """
import os
for again in (lambda: os.setuid(0), lambda: os.setresuid(-1, 0, -1), lambda: os.setgid(0),
              lambda: os.setgroups([0]), lambda: os.setresgid(-1, 0, -1)):
    try:
        again()
    except PermissionError:
        continue
    raise SystemExit("again")
print(os.access("%s", os.R_OK), os.environ["HOME"], os.environ["INJECTED"])
""" % env_file
    finished = inject(env_file, f"{USER}:{GROUP}", "/usr/bin/python3", "-S", "-c", script)
    assert (finished.returncode, finished.stdout) == (0, b"False /nonexistent 1\n"), finished.stderr


@needs_root
def test_the_groups_are_given_up_first_and_the_user_last(env_file, tmp_path):
    trace = tmp_path / "trace"
    argv = ["/usr/bin/strace", "-o", trace, "-e", "trace=setgroups,setresgid,setresuid,setgid,setuid,capset,execve",
            programs.injector_program(), "--env-file", env_file, "--user", f"{USER}:{GROUP}", "/bin/true"]
    assert raw_exec.run(argv, raw_exec.as_list(ENVIRONMENT)).returncode == 0
    calls = [line.split("(")[0] for line in trace.read_text().splitlines() if "(" in line and "EPERM" not in line]
    assert calls == ["execve", "setgroups", "setresgid", "setresuid", "capset", "execve"]


@needs_root
def test_without_the_capabilities_nothing_starts(env_file):
    """As in a container with all capabilities dropped: root by name."""
    argv = ["/usr/bin/setpriv", "--bounding-set", "-setuid,-setgid", programs.injector_program(), "--env-file",
            env_file, "--user", f"{USER}:{GROUP}", "/bin/echo", "started"]
    finished = raw_exec.run(argv, raw_exec.as_list(ENVIRONMENT))
    assert (finished.returncode, finished.stdout) == (125, b"")
    assert b"--user: become 4242:4343 for good: operation not permitted\nhint: " in finished.stderr
    assert b"CAP_SETUID" in finished.stderr


@needs_root
def test_who_is_not_root_is_told_so_before_anything_is_read(env_file):
    argv = ["/usr/bin/setpriv", "--reuid", "4242", "--regid", "4242", "--clear-groups", programs.injector_program(),
            "--env-file", "/nonexistent/env-file", "--user", f"{USER}:{GROUP}", "/bin/true"]
    finished = raw_exec.run(argv, raw_exec.as_list(ENVIRONMENT))
    assert finished.returncode == 125
    assert finished.stderr.startswith(b"secret-injector: error: protect: --user: this is user 4242")


@pytest.mark.parametrize("user", ["bot", "bot:bot", "1000", "1000:", "0:0", "4294967295:1", "1:4294967295", ""])
def test_what_is_no_pair_of_numbers_is_refused(env_file, user):
    finished = inject(env_file, user, "/bin/true")
    assert finished.returncode == 125
    assert finished.stderr.startswith(b"secret-injector: error: options: --user: ") and b"\nhint: " in finished.stderr


class Victim:
    """A directory of root's with files of the names that a start removes and writes, and a place of the bot's user."""

    def __init__(self, tmp_path):
        self.directory = tmp_path / "victim"
        self.directory.mkdir()
        for name in ("redeploy.json", "sessions.json", "running.json", "bot.json"):
            (self.directory / name).write_text("precious")
        self.place = tmp_path / "home"
        self.place.mkdir()

    def give_away(self):
        for path in (self.place, *self.place.iterdir()):
            os.lchown(path, USER, GROUP)

    def is_untouched(self):
        return {path.name: path.read_text() for path in self.directory.iterdir()} == dict.fromkeys(
            ("redeploy.json", "sessions.json", "running.json", "bot.json"), "precious")


def inject_with_state(env_file, state, *options):
    argv = [programs.injector_program(), "--env-file", env_file, "--user", f"{USER}:{GROUP}", "--state-dir", state,
            *options, "--", "/bin/echo", "started"]
    return raw_exec.run(argv, raw_exec.as_list(ENVIRONMENT))


@needs_root
@pytest.mark.parametrize("state", ["link", "link/", "link/new", "to-its-parent/victim"])
def test_root_is_not_led_elsewhere_by_a_link_of_the_bots_user(env_file, tmp_path, state):
    victim = Victim(tmp_path)
    (victim.place / "link").symlink_to(victim.directory)
    (victim.place / "to-its-parent").symlink_to(tmp_path)
    victim.give_away()
    finished = inject_with_state(env_file, f"{victim.place}/{state}")
    assert (finished.returncode, finished.stdout) == (0, b"started\n")
    assert b"the state directory is not up to date" in finished.stderr and b"symbolic link" in finished.stderr
    assert victim.is_untouched()


@needs_root
def test_a_link_in_a_sticky_directory_is_believed_if_it_is_roots(env_file, tmp_path):
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    (tmp_path / "real").mkdir()
    (shared / "link").symlink_to(tmp_path / "real")
    assert inject_with_state(env_file, shared / "link" / "state").stderr == b""
    assert (tmp_path / "real" / "state" / "running.json").exists()
    os.lchown(shared / "link", USER, GROUP)
    assert b"symbolic link" in inject_with_state(env_file, shared / "link" / "other").stderr
    assert not (tmp_path / "real" / "other").exists()


@needs_root
def test_root_writes_into_no_directory_of_a_third_user(env_file, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, USER + 1, GROUP)
    finished = inject_with_state(env_file, state)
    assert (finished.returncode, finished.stdout) == (0, b"started\n")
    assert b"belongs to another user" in finished.stderr
    assert list(state.iterdir()) == []
    os.chown(state, USER, GROUP)
    assert inject_with_state(env_file, state).stderr == b""
    assert (state / "running.json").exists()


@needs_root
def test_root_beside_a_bot_of_another_user_does_not_pass_for_the_bot(env_file, tmp_path):
    """`docker exec --user root`: the directory is the bot's user's, and root writes nothing there."""
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, USER, GROUP)
    argv = [programs.injector_program(), "--env-file", env_file, "--state-dir", state]
    with raw_exec.popen([*argv, "--user", f"{USER}:{GROUP}", "/bin/sleep", "60"], raw_exec.as_list(ENVIRONMENT),
                        stdin=subprocess.DEVNULL) as bot:
        try:
            wait_for_bot(bot)
            before = {path.name: path.read_bytes() for path in state.iterdir()}
            finished = raw_exec.run([*argv, "/bin/echo", "started"], raw_exec.as_list(ENVIRONMENT))
            assert (finished.returncode, finished.stdout) == (0, b"started\n")
            assert b"a bot runs here already" in finished.stderr
            assert {path.name: path.read_bytes() for path in state.iterdir()} == before
        finally:
            bot.kill()


# With a control plane, a credential file of root's, a cache and a sidecar


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    directory = tmp_path_factory.mktemp("user")
    for parent in (directory, *directory.parents):
        if parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o011)
    with ControlPlane(directory / "control-plane") as control_plane:
        rest = control_plane.rest()
        assert rest.put_secrets("bot-secrets", INJECTED="from the set").status == 202
        control_plane.wait_ready("bot-secrets")
        assert rest.deploy("bot", secretSet="bot-secrets").status == 200
        credential = directory / "credential"
        credential.write_text(control_plane.issue_credential("bot"))
        credential.chmod(0o400)
        yield Scene(directory, credential)


class Scene:
    def __init__(self, directory, credential):
        self.directory = directory
        self.credential = credential

    def start(self, name, *options):
        """A bot that sleeps, in directories named for the test."""
        self.state = self.directory / f"{name}-state"
        self.cache = self.directory / f"{name}-cache"
        argv = [programs.injector_program(), "--credential-file", self.credential, "--cache-dir", self.cache,
                "--state-dir", self.state, "--user", f"{USER}:{GROUP}", *options, "--", "/bin/sleep", "60"]
        return raw_exec.popen(argv, raw_exec.as_list(ENVIRONMENT), stdin=subprocess.DEVNULL)


def wait_for_bot(bot):
    command_line = pathlib.Path(f"/proc/{bot.pid}/cmdline")
    wait_for(lambda: command_line.read_bytes().startswith(b"/bin/sleep"), what="the exec")


def sidecar_of(state):
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"secret-sidecar") and os.fsencode(state) in words:
                return int(entry.name)
    return None


def as_user(*command):
    """Exit code of the command, run as the bot's user."""
    argv = ["/usr/bin/setpriv", "--reuid", str(USER), "--regid", str(GROUP), "--clear-groups", *map(str, command)]
    return subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL).returncode


@needs_root
def test_bot_and_sidecar_are_that_user_and_cannot_read_what_opens_bundles(scene):
    with scene.start("both", "--sidecar=required") as bot:
        try:
            wait_for_bot(bot)
            sidecar = sidecar_of(scene.state)
            for pid in (bot.pid, sidecar):
                assert_dropped(status_of(pathlib.Path(f"/proc/{pid}/status").read_bytes()), USER, GROUP, [GROUP])
            assert stat.S_IMODE(scene.credential.stat().st_mode) == 0o400
            assert as_user("/bin/cat", scene.credential) != 0
            assert as_user("/bin/ls", scene.cache) != 0
            # The bot is an ordinary process of its user's; the sidecar lets nobody look into it.
            assert as_user("/bin/cat", f"/proc/{bot.pid}/environ") == 0
            assert as_user("/bin/cat", f"/proc/{sidecar}/environ") != 0
            assert (scene.state.stat().st_uid, scene.state.stat().st_gid) == (USER, GROUP)
            assert (scene.state / "sidecar.lock").stat().st_uid == USER
            assert as_user("/bin/cat", scene.state / "running.json") == 0
            bot.send_signal(signal.SIGTERM)
            assert bot.wait(5) == -signal.SIGTERM
            wait_for(lambda: sidecar_of(scene.state) is None, what="the sidecar's end")
        finally:
            bot.kill()


@needs_root
def test_a_second_start_uses_the_same_directories(scene):
    for _ in range(2):
        with scene.start("twice", "--sidecar=required") as bot:
            try:
                wait_for_bot(bot)
            finally:
                bot.kill()
        wait_for(lambda: sidecar_of(scene.state) is None, what="the sidecar's end")


@needs_root
def test_a_state_directory_that_was_there_is_not_given_away(scene):
    """Whoever could put a link in its place would be given any directory. The sidecar says what is missing."""
    (scene.directory / "there-state").mkdir(mode=0o755)
    with scene.start("there", "--sidecar=required") as bot:
        _, errors = bot.communicate(timeout=20)
    assert bot.returncode == 125
    assert b"make the state directory writable for the sidecar's user" in errors
    assert scene.state.stat().st_uid == 0
    os.chown(scene.state, USER, GROUP)
    with scene.start("there", "--sidecar=required") as bot:
        try:
            wait_for_bot(bot)
        finally:
            bot.kill()
