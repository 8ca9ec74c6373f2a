"""A run by the fork server is what a start is."""

import os
import subprocess
import sys

import pytest

from support.fork_server import ForkServer

SHOW = """
import json, os, signal, sys, threading
print(sys.argv, sorted(os.environ.items()), os.getcwd(), sys.path, __name__, __file__, sys.stdin.read())
print(sys.stdout.line_buffering, sys.stderr.isatty(), signal.getsignal(signal.SIGCHLD), sorted(os.listdir("/proc/self/fd")))
print("an error", file=sys.stderr)
threading.Thread(target=lambda: print("the thread's end")).start()
"""
ENDS = {
    "by itself": "",
    "with a code": "import sys; sys.exit(3)",
    "with a text": "import sys; sys.exit('wrong')",
    "with an exception": "class Wrong(Exception): pass\nraise Wrong('wrong')",
    "by a signal": "import os; os.kill(os.getpid(), 9)",
}


@pytest.fixture(scope="module")
def server():
    return ForkServer(sys.executable, ["json"], {"LANG": "C.UTF-8"})


def both(server, command, environment, directory, **more):
    """(exit code, output, errors) of a run and of a start."""
    with server.start(command, environment, directory, **more) as run:
        output, errors = run.communicate(20)
    started = subprocess.run([sys.executable, *command], env=environment, cwd=directory, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, text=True, timeout=20, **{"stderr": subprocess.STDOUT, **more})
    return (run.returncode, output, errors), (started.returncode, started.stdout, started.stderr)


@pytest.mark.parametrize("stderr", [subprocess.STDOUT, subprocess.PIPE], ids=["one output", "two outputs"])
def test_a_run_sees_what_a_start_sees(server, tmp_path, stderr):
    program = tmp_path / "show"
    program.write_text(SHOW)
    run, started = both(server, [str(program), "a word", "\u00e9"], {"LANG": "C.UTF-8", "A": "1", "B": "\u00e9\n"}, tmp_path, stderr=stderr)
    assert run == started
    assert "the thread's end" in run[1]


@pytest.mark.parametrize("way", ENDS)
def test_a_run_ends_as_a_start_ends(server, tmp_path, way):
    program = tmp_path / "ends"
    program.write_text(ENDS[way])
    (code, output, _), (expected, text, _) = both(server, [str(program)], {}, tmp_path)
    # A traceback also has the frames of the fork server.
    assert (code, output.splitlines()[-1:]) == (expected, text.splitlines()[-1:])


def test_a_run_that_takes_too_long_is_killed(server, tmp_path):
    program = tmp_path / "sleeps"
    program.write_text("import time; time.sleep(60)")
    with pytest.raises(subprocess.TimeoutExpired), server.start([str(program)], {}, tmp_path) as run:
        run.communicate(0.1)
    assert run.returncode == -9
    with pytest.raises(ProcessLookupError):
        os.kill(run.pid, 0)


def test_a_library_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AssertionError, match="no_such_library"):
        ForkServer(sys.executable, ["no_such_library"], {}).start(["x"], {}, tmp_path)
