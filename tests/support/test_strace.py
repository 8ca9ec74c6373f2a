"""The reader of a trace finds a planted value; otherwise a launch that leaks would pass."""

import pytest

from support import canary, strace

SECRET = "canary-0123456789abcdef"


def hexed(text):
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def leaks(line):
    calls = strace.parse(line.encode())
    assert calls
    return strace.handed_out(calls, canary.Search({"SECRET": SECRET}))


@pytest.mark.parametrize("line", [
    f'write(2<{hexed("/tmp/log")}>, "{hexed("x" + SECRET + "y")}", 25) = 25',
    f'sendto(5, "{hexed(SECRET)}", 23, MSG_NOSIGNAL, NULL, 0) = 23',
    f'writev(5, [{{iov_base="{hexed("a")}", iov_len=1}}, {{iov_base="{hexed(SECRET)}", iov_len=23}}], 2) = 24',
    f'openat(AT_FDCWD, "{hexed("/tmp/" + SECRET)}", O_RDONLY) = -1 ENOENT (No such file or directory)',
    f'execve("{hexed("/bin/x")}", ["{hexed(SECRET)}"], ["{hexed("A=1")}"]) = 0',
    f'execve("{hexed("/bin/x")}", ["{hexed("x")}"], ["{hexed("A=" + SECRET)}"]) = -1 ENOENT (No such file)',
    f'write(2, "{hexed(SECRET.encode().hex())}", 46) = 46',
    f'prctl(PR_SET_NAME, "{hexed(SECRET)}") = 0',
])
def test_a_value_that_is_handed_out_is_found(line):
    assert leaks(line)


@pytest.mark.parametrize("line", [
    f'read(3, "{hexed(SECRET)}", 100) = 23',
    f'execve("{hexed("/bin/x")}", ["{hexed("x")}"], ["{hexed("A=" + SECRET)}"]) = 0',
    f'write(2, "{hexed("canary")}", 6) = 6',
])
def test_a_value_where_it_belongs_is_none(line):
    assert leaks(line) == []


@pytest.mark.parametrize("line, path", [
    (f'openat(AT_FDCWD<{hexed("/work")}>, "{hexed("a/b")}", O_RDONLY|O_CLOEXEC) = 3<{hexed("/work/a/b")}>', "/work/a/b"),
    (f'openat(5<{hexed("/tmp/cache")}>, "{hexed("key.tmp")}", O_WRONLY|O_CREAT, 0600) = 6', "/tmp/cache/key.tmp"),
    (f'openat(AT_FDCWD, "{hexed("/etc/hosts")}", O_RDONLY) = -1 ENOENT (No such file or directory)', "/etc/hosts"),
    (f'open("{hexed("/etc/hosts")}", O_RDONLY) = 3', "/etc/hosts"),
    (f'creat("{hexed("/tmp/new")}", 0600) = 3', "/tmp/new"),
    (f'openat2(AT_FDCWD, "{hexed("/tmp/new")}", {{flags=O_RDONLY, resolve=0}}, 24) = 3', "/tmp/new"),
    ('close(3) = 0', None),
])
def test_every_way_to_open_a_path_is_understood(line, path):
    assert [call.opened for call in strace.parse(line.encode())] == [path]


def test_calls_are_told_apart_by_the_program_that_made_them():
    trace = "\n".join([
        f'execve("{hexed("/bin/first")}", ["{hexed("first")}"], [""]) = 0', "close(1) = 0",
        f'execve("{hexed("/bin/none")}", ["{hexed("none")}"], [""]) = -1 ENOENT (No such file or directory)',
        f'execve("{hexed("/bin/next")}", ["{hexed("next")}"], [""]) = 0', "close(2) = 0", "+++ exited with 0 +++",
    ]).encode()
    assert [call.program for call in strace.parse(trace)] == [-1, 0, 0, 0, 1]


def test_a_child_and_a_thread_begin_as_the_program_that_made_them():
    texts = {
        10: f'execve("{hexed("/bin/first")}", ["{hexed("first")}"], [""]) = 0\n'
            "clone(child_stack=NULL, flags=SIGCHLD) = 11\nclose(1) = 0".encode(),
        11: f'close(2) = 0\nexecve("{hexed("/bin/next")}", ["{hexed("next")}"], [""]) = 0\n'
            "clone3({flags=CLONE_VM|CLONE_THREAD}, 88) = 12".encode(),
        12: b"close(3) = 0",
    }
    calls = {call.process: call.program for call in strace.family(texts, 10) if call.name == "close"}
    assert calls == {10: 0, 11: 0, 12: 1}
