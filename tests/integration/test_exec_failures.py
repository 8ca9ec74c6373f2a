"""Finding and starting the command: where it is looked for, and what is said when it cannot be started."""

import errno
import os
import resource
import shutil
import subprocess

import pytest

from support import programs, raw_exec

NOT_EXECUTABLE, NOT_FOUND = 126, 127


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


class Place:
    """A directory with programs in it, and the injector with a chosen PATH."""

    def __init__(self, root):
        self.root = root
        self.env_file = root / "env-file"
        self.env_file.write_text("INJECTED=1\n")

    def program(self, path, text="#!/bin/sh\necho $0\n", mode=0o755):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        file.chmod(mode)
        return file

    def run(self, *command, path=None, options=(), setup=None, **more):
        argv = [programs.injector_program(), "--env-file", self.env_file, *options, "--", *command]
        environment = [] if path is None else [b"PATH=" + os.fsencode(path)]
        return raw_exec.run(argv, environment, setup, cwd=self.root, **more)

    def fails(self, code, message, hint, *command, **more):
        """Exactly this line of error, then a hint with these words."""
        finished = self.run(*command, **more)
        error, told = finished.stderr.decode().splitlines()
        assert (finished.returncode, error) == (code, f"secret-injector: error: exec: {message}")
        assert told.startswith("hint: ") and hint in told
        assert finished.stdout == b""


# Where it is looked for


def test_path_is_searched_in_its_order(place):
    place.program("b/tool")
    place.program("a/tool")
    place.program("a/deeper/other")
    assert place.run("tool", path=f"{place.root}/b:{place.root}/a").stdout.decode() == f"{place.root}/b/tool\n"
    assert place.run("a/deeper/other", path="/nonexistent").stdout == b"a/deeper/other\n"


@pytest.mark.parametrize("path", ["", ":/nonexistent", "/nonexistent:", "/nonexistent::/also", "."], ids=repr)
def test_an_empty_element_of_path_is_the_working_directory(place, path):
    place.program("tool")
    assert place.run("tool", path=path).returncode == 0


def test_without_a_path_the_usual_directories_are_searched_and_not_the_working_directory(place):
    place.program("no-such-tool-anywhere")
    assert place.run("true").returncode == 0
    assert place.run("no-such-tool-anywhere").returncode == NOT_FOUND


def test_the_path_that_the_command_gets_decides_and_the_first_of_two(place):
    """The set's PATH, if it is allowed to have one; with duplicates the first, as for getenv."""
    place.program("set/tool")
    place.env_file.write_text(f"PATH={place.root}/set\n")
    assert place.run("tool", path="/nonexistent", options=("--allow", "PATH")).returncode == 0
    place.env_file.write_text("INJECTED=1\n")
    argv = [programs.injector_program(), "--env-file", place.env_file, "tool"]
    paths = [b"PATH=/nonexistent", b"PATH=" + os.fsencode(place.root / "set")]
    assert raw_exec.run(argv, paths).returncode == NOT_FOUND
    assert raw_exec.run(argv, paths[::-1]).returncode == 0


def test_the_search_goes_on_past_what_cannot_be_executed(place):
    place.program("denied/tool", mode=0o644)
    (place.root / "directory" / "tool").mkdir(parents=True)
    place.program("file", mode=0o644)
    place.program("good/tool")
    path = ":".join(f"{place.root}/{name}" for name in ("denied", "directory", "file", "nonexistent", "good"))
    assert place.run("tool", path=path).returncode == 0


# What is said when it cannot be started


def test_a_command_that_is_nowhere(place):
    place.fails(NOT_FOUND, "tool: no such file or directory", "name, and PATH", "tool", path="/nonexistent:/bin")
    place.fails(NOT_FOUND, "./tool: no such file or directory", "name, and PATH", "./tool")
    place.fails(NOT_FOUND, ": no such file or directory", "name, and PATH", "", path="/bin")


def test_a_script_without_a_first_line_is_never_given_to_a_shell(place):
    place.program("script", "touch ran\n")
    place.fails(NOT_EXECUTABLE, "./script: exec format error", "#!/bin/sh", "./script")
    place.fails(NOT_EXECUTABLE, f"script ({place.root}/script): exec format error", "#!/bin/sh", "script",
                path=f"{place.root}:/bin")
    assert not (place.root / "ran").exists()
    place.program("empty", "")
    place.fails(NOT_EXECUTABLE, "./empty: exec format error", "#!/bin/sh", "./empty")


def test_a_program_for_another_machine(place):
    header = bytearray(open("/bin/true", "rb").read(64))
    header[18:20] = (0xBEEF).to_bytes(2, "little")  # e_machine
    place.program("foreign", bytes(header))
    place.fails(NOT_EXECUTABLE, "./foreign: exec format error", "another kind of machine", "./foreign")


def test_a_missing_interpreter(place):
    place.program("script", "#!/nonexistent/python3\n")
    place.fails(NOT_FOUND, "./script: no such file or directory", "interpreter", "./script")
    place.fails(NOT_FOUND, f"script ({place.root}/script): no such file or directory", "interpreter", "script",
                path=f"/nonexistent:{place.root}:/also")
    place.program("windows", "#!/bin/sh\r\ntrue\r\n")
    place.fails(NOT_FOUND, "./windows: no such file or directory", "CR LF", "./windows")


def test_no_permission_is_what_is_reported_at_the_end(place):
    place.program("denied/tool", mode=0o644)
    place.fails(NOT_EXECUTABLE, "denied/tool: permission denied", "execute permission", "denied/tool")
    place.fails(NOT_EXECUTABLE, f"tool ({place.root}/denied/tool): permission denied", "execute permission", "tool",
                path=f"/bin:{place.root}/denied:/nonexistent")


def test_a_directory(place):
    (place.root / "directory").mkdir()
    place.fails(NOT_EXECUTABLE, "./directory: permission denied", "directory", "./directory")
    place.fails(NOT_EXECUTABLE, f"directory ({place.root}/directory): permission denied", "directory", "directory",
                path=str(place.root))


def test_an_interpreter_that_may_not_be_executed(place):
    place.program("interpreter", mode=0o644)
    place.program("script", f"#!{place.root}/interpreter\n")
    place.fails(NOT_EXECUTABLE, "./script: permission denied", "interpreter", "./script")


def test_a_path_through_a_file(place):
    place.program("file")
    place.fails(NOT_EXECUTABLE, "file/tool: not a directory", "not a directory", "file/tool")


def test_a_circle_of_links(place):
    (place.root / "a").symlink_to("b")
    (place.root / "b").symlink_to("a")
    place.fails(NOT_EXECUTABLE, "./a: too many levels of symbolic links", "circle", "./a")


def test_a_program_that_is_still_written(place):
    program = place.root / "program"
    shutil.copy("/bin/true", program)
    with open(program, "r+b"):
        place.fails(NOT_EXECUTABLE, "./program: text file busy", "written", "./program")


def test_arguments_that_fit_but_for_the_interpreters_words(place):
    """A total that is too large is refused before, with code 125; the words of a #! line come on top."""
    place.program("script", "#!/bin/sh " + "x" * 200 + "\n")
    limit = 128 << 10  # the least that execve takes, whatever the stack limit

    def small_stack():
        resource.setrlimit(resource.RLIMIT_STACK, (4 * limit, 4 * limit))

    def start(total):
        """The words and the environment of the command take so many bytes, with their pointers."""
        rest = total - 2 * len("./script\0") - 8 - len("LARGE=\0") - 8 - (60_001 + 8)
        place.env_file.write_text("LARGE=" + "x" * rest)
        return "./script", "x" * 60_000

    place.fails(NOT_EXECUTABLE, "./script: argument list too long", "smaller", *start(limit), setup=small_stack)
    refused = place.run(*start(limit + 1), setup=small_stack)
    assert refused.returncode == 125 and b"LARGE" in refused.stderr


def test_a_name_that_is_too_long(place):
    finished = place.run("./" + "x" * 300)
    assert finished.returncode == NOT_EXECUTABLE
    assert os.strerror(errno.ENAMETOOLONG).lower().encode() in finished.stderr


def test_a_failure_is_reported_by_exit_code_even_if_nobody_reads_stderr(place):
    """Not by a death of SIGPIPE, whose disposition is the command's own by then."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        argv = [programs.injector_program(), "--env-file", place.env_file, "./nothing"]
        with raw_exec.popen(argv, [], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer) as process:
            assert process.wait() == NOT_FOUND
    finally:
        os.close(writer)


def test_a_path_that_the_commands_user_may_not_enter(place):
    """With --user: root's own directories are of no use to the bot."""
    if os.geteuid() != 0:
        pytest.skip("--user needs root")
    place.program("private/tool")
    (place.root / "private").chmod(0o700)
    open_the_way_to(place.root)
    place.fails(NOT_EXECUTABLE, f"{place.root}/private/tool: permission denied", "enter the directories",
                place.root / "private" / "tool", options=("--user", "4242:4242"))


def open_the_way_to(directory):
    for parent in (directory, *directory.parents):
        if parent.stat().st_uid == os.geteuid() and parent.parent != parent:
            parent.chmod(parent.stat().st_mode | 0o011)
