"""script/enter-root gives another root what a machine has; script/check-fresh-root leaves nothing behind, however
it ends. As root, where mounts are allowed."""

import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import time

import pytest
from support import failure_matrix, programs
from support.programs import ROOT
from support.wait import wait_for

ENTER = ROOT / "script" / "enter-root"
CHECK = ROOT / "script" / "check-fresh-root"
TOOLS = ("sh", "cat", "mount", "nsenter", "script", "sleep", "tty", "umount", "unshare")

pytestmark = pytest.mark.skipif(not failure_matrix.may_mount(), reason="takes root, and the right to mount")


def make_root(root):
    """A small root of copies; not a bind mount, which a test that fails could delete through."""
    for directory in ("dev/pts", "dev/shm", "etc/dpkg/dpkg.cfg.d", "proc", "mnt", "tmp"):
        (root / directory).mkdir(parents=True)
    for node in ("ptmx", "null"):
        (root / "dev" / node).touch()
    for tool in map(shutil.which, TOOLS):
        listed = subprocess.run(["ldd", tool], capture_output=True, text=True, check=True).stdout
        for path in [tool, *re.findall(r"(/\S+) \(0x", listed)]:
            copy = root / path.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    # What scripts ask for by its path.
    (root / "bin").mkdir(exist_ok=True)
    shutil.copy(shutil.which("sh"), root / "bin" / "sh")
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_root(tmp_path_factory.mktemp("fresh") / "root")


def enter(root, script, *options):
    return subprocess.run([ENTER, *options, root, shutil.which("sh"), "-c", script], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30)


def test_a_root_has_pseudo_terminals_of_its_own(root):
    finished = enter(root, "SHELL=/bin/sh script --quiet --return --command tty /tmp/typescript")
    assert (finished.returncode, finished.stdout.strip()) == (0, "/dev/pts/0"), finished.stderr


def test_a_root_can_make_namespaces(root):
    finished = enter(root, "unshare -m mount -t tmpfs none /mnt && unshare --pid --fork --mount-proc sh -c :")
    assert (finished.returncode, finished.stderr) == (0, "")


def test_nsenter_stays_in_the_root(root):
    (root / "here").write_text("in the root")
    finished = enter(root, "unshare --mount sleep 20 & nsenter --mount --target $! cat /here; kill $!")
    assert finished.stdout == "in the root", finished.stderr


def test_a_root_has_shared_memory_of_its_own(root):
    assert enter(root, ": > /dev/shm/mine").returncode == 0
    assert list((root / "dev" / "shm").iterdir()) == []


def test_a_directory_of_the_machine_is_shown(root, tmp_path):
    assert enter(root, ": > /kept/made", "--bind", tmp_path, "/kept").returncode == 0
    assert (tmp_path / "made").exists()


def test_the_exit_code_is_the_command_s(root):
    assert enter(root, "exit 7").returncode == 7


def is_command(process, *words):
    try:
        return (process / "cmdline").read_text() == "".join(f"{word}\0" for word in words)
    except OSError:
        return False


class FreshRoot:
    """script/check-fresh-root with a copy of our small root in place of a Debian."""

    def __init__(self, directory, root):
        self.seconds = str(random.randint(10**6, 10**9))  # no other sleep(1) has this argument
        self.temporary = directory / "tmp"
        self.temporary.mkdir()
        tools = directory / "bin"
        tools.mkdir()
        stand_in = tools / "mmdebstrap"
        # Its last words are SUITE, ROOT and "-".
        stand_in.write_text(f'#!/bin/bash\ncat > /dev/null\ncp --archive {root} "${{@: -2:1}}"\n')
        stand_in.chmod(0o755)
        self.environment = programs.clean_environment(
            PATH=f"{tools}:/usr/sbin:/usr/bin:/sbin:/bin", TMPDIR=self.temporary, HOME=directory)

    def start(self, *command):
        return subprocess.Popen([CHECK, *command], cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def left_over(self):
        return list(self.temporary.glob("agent-secrets-root.*"))

    def running(self):
        """The `sleep self.seconds` that a root runs."""
        processes = pathlib.Path("/proc").glob("[0-9]*")
        return [process for process in processes if is_command(process, "sleep", self.seconds)]


@pytest.fixture
def fresh_root(tmp_path, root):
    return FreshRoot(tmp_path, root)


def test_a_fresh_root_is_removed_when_its_command_has_ended(fresh_root):
    for command, exit_code in (("true", 0), ("exit 7", 7)):
        assert fresh_root.start("sh", "-c", command).wait(timeout=60) == exit_code
        assert fresh_root.left_over() == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_fresh_root_is_removed_when_its_script_is_stopped(fresh_root, number):
    script = fresh_root.start("sh", "-c", f"sleep {fresh_root.seconds} & sleep {fresh_root.seconds}")
    wait_for(fresh_root.running, timeout=60)
    script.send_signal(number)
    assert script.wait(timeout=30) == 128 + number
    assert (fresh_root.running(), fresh_root.left_over()) == ([], [])


def test_the_next_run_removes_what_a_killed_one_left(fresh_root):
    script = fresh_root.start("sh", "-c", f"sleep {fresh_root.seconds} & sleep {fresh_root.seconds}")
    wait_for(fresh_root.running, timeout=60)
    script.kill()
    script.wait()
    wait_for(lambda: not fresh_root.running())
    (left,) = fresh_root.left_over()
    assert str(left) not in pathlib.Path("/proc/self/mountinfo").read_text()
    an_hour_ago = time.time() - 3600
    os.utime(left, (an_hour_ago, an_hour_ago))
    assert fresh_root.start("sh", "-c", "true").wait(timeout=60) == 0
    assert fresh_root.left_over() == []


def test_a_run_leaves_the_root_of_another_one_alone(fresh_root):
    script = fresh_root.start("sleep", fresh_root.seconds)
    wait_for(fresh_root.running, timeout=60)
    (own,) = fresh_root.left_over()
    an_hour_ago = time.time() - 3600
    os.utime(own, (an_hour_ago, an_hour_ago))
    assert fresh_root.start("sh", "-c", "true").wait(timeout=60) == 0
    assert fresh_root.left_over() == [own] and fresh_root.running()
    script.terminate()
    script.wait(timeout=30)
