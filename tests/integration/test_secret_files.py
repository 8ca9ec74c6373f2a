"""--file: a key's value in a file whose path is in the variable, in memory or on a tmpfs."""

import errno
import fcntl
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import tempfile

import pytest

from support import canary, no_memfd, programs
from support.instance import run_injector
from support.wait import wait_for

USER = 10001
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

# What a bot does with the path in FILE: itself, in a thread, after a fork, and in a child that has the descriptor.
READER = r"""
import ctypes, os, subprocess, sys, threading
path, protect = os.environ["FILE"], sys.argv[1] == "protect"
if protect:
    assert ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == 0  # PR_SET_DUMPABLE, as agent_secrets.protect() does
def read():
    with open(path, "rb") as file:
        return file.read()
results = {"main": read()}
thread = threading.Thread(target=lambda: results.update(thread=read()))
thread.start(); thread.join()
def forked(function):
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            os.write(writer, function())
        except OSError as error:
            os.write(writer, str(error).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        return pipe.read()
results["fork"] = forked(read)
results["fork of a fork"] = forked(lambda: forked(read))
results["child"] = subprocess.run(["cat", path], close_fds=False, capture_output=True).stdout
wrong = {who: said[:80] for who, said in results.items() if said != results["main"]}
assert not wrong, wrong
def refused(function):
    try:
        function()
    except OSError:
        return True
    return False
descriptor = int(path.rsplit("/", 1)[1])
assert refused(lambda: os.write(descriptor, b"x")) and refused(lambda: os.ftruncate(descriptor, 0))
assert os.geteuid() == 0 or refused(lambda: open(path, "r+b"))
status = os.stat(path)
print(oct(status.st_mode & 0o7777), status.st_uid, sorted(map(int, set(os.listdir("/proc/self/fd")) - {"3"})))
sys.stdout.flush(); os.write(1, results["main"])
"""


@pytest.fixture
def env_file(memory):
    """In a directory that every user may enter."""
    path = memory / "env-file"
    path.write_text('GOOGLE=\'{"type": "service_account",\n "key": "a\\\\nb"}\'\nOTHER=1\n')
    return path


GOOGLE = b'{"type": "service_account",\n "key": "a\\nb"}'


@pytest.fixture
def memory():
    """A directory on a tmpfs, of this user alone."""
    directory = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm"))
    os.chmod(directory, 0o755)
    yield directory
    shutil.rmtree(directory)


def start(env_file, *options, command=("/bin/true",), environment=None, preexec=None, **more):
    argv = [programs.injector_program(), "--env-file", env_file, *options, "--", *command]
    return subprocess.run([str(word) for word in argv], env=programs.clean_environment(**(environment or {})),
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=30, preexec_fn=preexec, **more)


def refused(finished, message):
    assert finished.returncode == 125, finished
    assert re.match(f"secret-injector: error: {message}\nhint: .+\n$", finished.stderr.decode()), finished.stderr
    return True


@needs_root
@pytest.mark.parametrize("user", ["root", "--user", "no-root"])
@pytest.mark.parametrize("protect", ["protect", "open"])
def test_a_file_in_memory_opens_for_the_bot_its_threads_and_what_it_forks(env_file, user, protect):
    options = ["--user", f"{USER}:{USER}"] if user == "--user" else []
    more = {"user": USER, "group": USER, "extra_groups": []} if user == "no-root" else {}
    finished = start(env_file, *options, "--file", "GOOGLE=FILE", "-q",
                     command=["/usr/bin/python3", "-c", READER, protect], **more)
    assert finished.returncode == 0, finished.stderr.decode()
    facts, content = finished.stdout.split(b"\n", 1)
    assert facts.decode() == f"0o400 {0 if user == 'root' else USER} [0, 1, 2, 100]"
    assert content == GOOGLE


@needs_root
def test_a_root_that_is_read_only_is_enough(env_file):
    """No tmpfs, no directory, nothing to write to."""
    reader = ["/usr/bin/python3", "-c", READER, "protect"]
    inject = [programs.injector_program(), "--env-file", env_file, "--user", f"{USER}:{USER}", "-q",
              "--file", "GOOGLE=FILE", "--", *reader]
    read_only = ("mount --rbind / /mnt && mount -o remount,bind,ro /mnt && mount -o remount,bind,ro /mnt/dev/shm && "
                 "! touch /mnt/tmp/x 2>/dev/null && exec /usr/sbin/chroot /mnt \"$@\"")
    finished = subprocess.run(["unshare", "-m", "sh", "-c", read_only, "sh", *map(str, inject)],
                              env=programs.clean_environment(), capture_output=True, timeout=30)
    assert finished.stdout.endswith(GOOGLE), finished


def test_the_value_leaves_the_environment(env_file):
    finished = start(env_file, "--file", "GOOGLE=FILE", "-q", command=["/usr/bin/env"])
    names = dict(line.split("=", 1) for line in finished.stdout.decode().splitlines())
    assert names["FILE"] == "/proc/self/fd/100" and names["OTHER"] == "1"
    assert "GOOGLE" not in names and b"service_account" not in finished.stdout


def test_without_a_variable_the_key_holds_the_path(env_file):
    finished = start(env_file, "--file", "GOOGLE", "-q", command=["/bin/sh", "-c", 'cat "$GOOGLE"'])
    assert finished.stdout == GOOGLE


def test_several_files_have_a_number_each_and_nothing_else_is_open(tmp_path):
    path = tmp_path / "env-file"
    path.write_text("".join(f"K{i}=value {i}\n" for i in range(64)))
    files = [option for i in range(64) for option in ("--file", f"K{i}")]
    inherited = [os.open("/dev/null", os.O_RDONLY) for _ in range(5)]
    inherited.append(fcntl.fcntl(inherited[0], fcntl.F_DUPFD, 150))
    try:
        finished = start(path, *files, "-q", command=["/bin/sh", "-c", "cat $K0 $K63; ls /proc/self/fd"],
                         pass_fds=inherited)
    finally:
        for descriptor in inherited:
            os.close(descriptor)
    content, numbers = finished.stdout.decode().split("value 63")
    assert content == "value 0", finished
    assert set(map(int, numbers.split())) - {3} == {0, 1, 2, *range(100, 164)}


@pytest.mark.parametrize("where", ["memory", "path"])
def test_a_value_that_no_variable_can_hold_fits_into_a_file(tmp_path, memory, where):
    value = secrets.token_hex(1_000_000)
    path = tmp_path / "env-file"
    path.write_text(f"BIG={value}\n")
    file = "BIG=FILE" if where == "memory" else f"BIG=FILE:{memory}/own/big"
    assert refused(start(path, "-q"), "environment: name and value take more than 131072 bytes: BIG")
    finished = start(path, "--file", file, "-q", command=["/bin/sh", "-c", 'cat "$FILE"'])
    assert finished.stdout.decode() == value, finished.stderr


def test_a_key_that_is_not_there_is_named(env_file):
    assert refused(start(env_file, "--file", "GOOGEL=FILE", "-q"),
                   "environment: keys for --file are missing: GOOGEL")


@pytest.mark.parametrize("error_number, said", [
    (errno.EPERM, "operation not permitted"), (errno.ENOSYS, "function not implemented"),
])
def test_a_kernel_without_memfd_is_an_error_with_the_way_out(env_file, memory, error_number, said):
    finished = start(env_file, "--file", "GOOGLE=FILE", "-q", preexec=no_memfd.refuse_with(error_number))
    assert refused(finished, f"files: GOOGLE: memfd_create: {said}")
    assert b"seccomp" in finished.stderr and b"--file KEY=VARIABLE:/" in finished.stderr
    on_path = start(env_file, "--file", f"GOOGLE=FILE:{memory}/own/key", "-q",
                    command=["/bin/sh", "-c", 'cat "$FILE"'], preexec=no_memfd.refuse_with(error_number))
    assert on_path.stdout == GOOGLE


# A file at a path


@needs_root
def test_a_file_at_a_path_is_the_users_and_in_a_directory_of_its_own(env_file, memory):
    path = memory / "files" / "key.json"
    finished = start(env_file, "--user", f"{USER}:{USER}", "--state-dir", memory / "state",
                     "--file", f"GOOGLE=FILE:{path}", "-q", command=["/bin/sh", "-c", 'cat "$FILE"; ls /proc/self/fd'])
    assert finished.stdout == GOOGLE + b"0\n1\n2\n3\n", finished.stderr
    assert (path.stat().st_mode & 0o7777, path.stat().st_uid) == (0o400, USER)
    assert (path.parent.stat().st_mode & 0o7777, path.parent.stat().st_uid) == (0o700, USER)


def test_a_disk_is_refused_unless_it_is_allowed(env_file):
    with tempfile.TemporaryDirectory(dir=programs.build_directory()) as directory:
        path = pathlib.Path(directory) / "files" / "key"
        assert refused(start(env_file, "--file", f"GOOGLE=FILE:{path}", "-q"),
                       f"files: GOOGLE: {path.parent} is not on a tmpfs")
        assert list(pathlib.Path(directory).iterdir()) == []
        finished = start(env_file, "--file", f"GOOGLE=FILE:{path}", "--allow-disk", "-q",
                         command=["/bin/sh", "-c", 'cat "$FILE"'])
        assert finished.stdout == GOOGLE, finished.stderr


def test_no_link_of_another_user_is_followed(env_file, memory):
    (memory / "elsewhere").mkdir()
    (memory / "link").symlink_to(memory / "elsewhere")
    assert refused(start(env_file, "--file", f"GOOGLE=FILE:{memory}/link/key", "-q"),
                   f"files: GOOGLE: {memory}/link: not a directory, or a symbolic link")
    assert list((memory / "elsewhere").iterdir()) == []


def test_the_next_start_removes_the_file_also_without_the_option(env_file, memory):
    path, state = memory / "files" / "key", ("--state-dir", memory / "state")
    assert start(env_file, *state, "--file", f"GOOGLE=FILE:{path}").returncode == 0
    assert path.read_bytes() == GOOGLE
    record = json.loads((memory / "state" / "files.json").read_text())
    assert [file["path"] for file in record["files"]] == [str(path)]
    assert start(env_file, *state).returncode == 0
    assert not path.exists() and not (memory / "state" / "files.json").exists()


def test_a_start_that_fails_leaves_no_file(env_file, memory):
    path = memory / "files" / "key"
    finished = start(env_file, "--state-dir", memory / "state", "--file", f"GOOGLE=FILE:{path}", command=["/no/such"])
    assert finished.returncode == 127
    assert not path.exists()


def test_a_start_beside_a_living_bot_leaves_its_file(env_file, memory):
    path, state = memory / "files" / "key", ("--state-dir", memory / "state")
    argv = [programs.injector_program(), "--env-file", env_file, *state, "--file", f"GOOGLE=FILE:{path}", "-q",
            "--", "/bin/sleep", "60"]
    with subprocess.Popen([str(word) for word in argv], env=programs.clean_environment()) as bot:
        try:
            wait_for(path.exists, 20, "the bot's file")
            wait_for(lambda: b"sleep" in pathlib.Path(f"/proc/{bot.pid}/cmdline").read_bytes()[:12], 20, "the bot")
            inode = path.stat().st_ino
            assert start(env_file, *state).returncode == 0
            assert start(env_file, *state, "--file", "GOOGLE=FILE").returncode == 0
            assert refused(start(env_file, *state, "-q", "--file", f"GOOGLE=FILE:{path}"),
                           f"files: GOOGLE: a bot runs here already, and {path} may be its file")
            assert path.stat().st_ino == inode and path.read_bytes() == GOOGLE
        finally:
            bot.kill()


def test_a_hostile_record_removes_nothing_else(env_file, memory):
    victim, state = memory / "victim", memory / "state"
    victim.write_text("precious")
    first = ("--state-dir", state, "--file", f"GOOGLE=FILE:{memory}/files/key")
    assert start(env_file, *first).returncode == 0
    record = json.loads((state / "files.json").read_text())
    record["files"][0]["path"] = str(victim)  # with the inode of another file
    (state / "files.json").write_text(json.dumps(record))
    assert start(env_file, "--state-dir", state).returncode == 0
    assert victim.read_text() == "precious"


def test_one_shot_has_files_in_memory_only(env_file, memory):
    finished = start(env_file, "--one-shot", "--file", "GOOGLE=FILE", "-q", command=["/bin/sh", "-c", 'cat "$FILE"'])
    assert finished.stdout == GOOGLE
    assert refused(start(env_file, "--one-shot", "--file", f"GOOGLE=FILE:{memory}/key"),
                   "options: --one-shot leaves no file behind: .*")


# With a control plane


@pytest.fixture
def secret():
    return f"canary-{secrets.token_hex(16)}"


@pytest.fixture
def credential(control_plane, rest, secret):
    assert rest.put_secrets("bot-secrets", GOOGLE=secret).status == 202
    control_plane.wait_ready("bot-secrets")
    assert rest.deploy("bot", secretSet="bot-secrets").status == 200
    return control_plane.issue_credential("bot")


def test_the_sidecar_removes_the_file_after_the_bots_end(credential, secret, memory):
    path, state = memory / "files" / "key", memory / "state"
    argv = [programs.injector_program(), "--sidecar=required", "--state-dir", state, "--file", f"GOOGLE=FILE:{path}",
            "--", "/bin/sleep", "60"]
    environment = programs.clean_environment(AGENT_SECRETS_CREDENTIAL=credential)
    with subprocess.Popen([str(word) for word in argv], env=environment) as bot:
        try:
            wait_for((state / "sidecar.json").exists, 20, "the sidecar's first word")
            assert path.read_text() == secret
        finally:
            bot.send_signal(signal.SIGKILL)
    wait_for(lambda: not path.exists(), 10, "the removal of the file")
    wait_for(lambda: not (state / "files.json").exists(), 10, "the removal of the record")


def test_no_value_reaches_a_disk(credential, secret, tmp_path):
    """The cache, the state, and whatever else lies below the directory that the bot runs in."""
    options = ["--cache-dir", tmp_path / "cache", "--state-dir", tmp_path / "state", "--file", "GOOGLE=FILE"]
    finished = run_injector(credential, "/bin/sh", "-c", 'cat "$FILE"; env', options=options)
    content, variables = finished.stdout.split("\n", 1)
    assert content.startswith(secret) and secret not in variables, finished.stderr
    search = canary.Search({"GOOGLE": secret})
    assert search.tree(tmp_path) >= 3
    assert search.leaks == []


def test_check_and_env_tell_the_file_and_make_none(credential, secret, memory):
    path = memory / "files" / "key"
    environment = programs.clean_environment(AGENT_SECRETS_CREDENTIAL=credential)

    def ask(action, *options):
        words = [programs.injector_program(), action, "--json", "--state-dir", memory, *options]
        finished = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=30)
        assert secret not in finished.stdout + finished.stderr
        return json.loads(finished.stdout)

    report = ask("check", "--file", f"GOOGLE=FILE:{path}")
    steps = {step["name"]: step for step in report["steps"]}
    assert steps["files"]["facts"] == {"files": [f"GOOGLE as FILE in {path}"]}
    assert steps["environment"]["facts"]["renamed"] == ["GOOGLE as FILE"]
    failed = ask("check", "--file", "GOOGLE=FILE:/proc/sys/key")["steps"][-1]
    assert (failed["name"], failed["status"]) == ("files", "failed")
    variables = {v["name"]: v for v in ask("env", "--file", "GOOGLE=FILE")["variables"]}
    assert (variables["FILE"]["key"], variables["FILE"]["file"]) == ("GOOGLE", "/proc/self/fd/100")
    assert variables["FILE"]["bytes"] == len(secret)
    assert not path.parent.exists()
