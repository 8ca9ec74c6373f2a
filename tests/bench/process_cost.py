"""The cost of one process: wall time, peak memory, instructions."""

import pathlib
import re
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def compile_static(name, directory):
    """Builds NAME.c beside this file in `directory`; returns the program."""
    program = directory / name
    subprocess.run(["cc", "-O2", "-static", "-o", program, HERE / f"{name}.c"], check=True)
    return program


class Stopwatch:
    def __init__(self, directory):
        self._run_once = compile_static("run_once", directory)

    def run(self, command, environment):
        """(milliseconds, MiB at the peak) of a command that must succeed."""
        finished = subprocess.run([self._run_once, "0", *command], env=environment, check=True,
                                  capture_output=True, text=True)
        nanoseconds, kibibytes = map(int, finished.stdout.split())
        return nanoseconds / 1e6, kibibytes / 1024


def count_instructions(command, environment, exit_code=0):
    """Instructions of a process in user space, up to its end; callgrind has no count at an execve.

    A count by callgrind is the same on every machine with the same instruction set, even on a busy machine;
    most virtual machines have no access to a processor's counters.
    """
    with tempfile.TemporaryDirectory() as directory:
        finished = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/out", *map(str, command)],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
    collected = re.search(r"Collected : (\d+)", finished.stderr)
    assert finished.returncode == exit_code and collected, finished.stderr
    return int(collected[1])
