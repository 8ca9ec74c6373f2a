"""Runs a Python program again and again without importing its libraries again.

The server is an interpreter that has imported libraries of other authors. For each run it forks a process, and this
process becomes the program: it reads the program's own modules anew, and ends as an interpreter ends. A run of the
official CLI takes a third of the processor time that a start of it takes.

This file is both sides: as a module the client, as a script the server.

Protocol: one message a run, with five file descriptors: a file with the request as JSON, standard input, output and
error, and a pipe on which the server writes the process id and then the exit code, one line each."""

import gc
import importlib
import json
import os
import pathlib
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time


class ForkServer:
    """The interpreter `python` with `modules` imported under `environment`. It ends with the process that made it."""

    def __init__(self, python, modules, environment):
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._log = tempfile.TemporaryFile()
        # -P: the program does not see the folder of this file. No output is a terminal, as no output of a run is.
        with theirs:
            self._interpreter = subprocess.Popen(
                [python, "-P", __file__, str(theirs.fileno()), *modules], env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=self._log, pass_fds=[theirs.fileno()])

    def start(self, command, environment, directory, stderr=subprocess.STDOUT):
        """A Process: `command` is a Python program and its arguments. Standard input is empty; standard output is a
        pipe. `stderr` is as for subprocess.Popen: STDOUT or PIPE."""
        output, output_end = os.pipe()
        errors, errors_end = os.pipe() if stderr == subprocess.PIPE else (None, os.dup(output_end))
        status, status_end = os.pipe()
        request = {"command": command, "environment": environment, "directory": str(directory)}
        with tempfile.TemporaryFile() as file, open(os.devnull, "rb") as nothing:
            file.write(json.dumps(request).encode())
            file.flush()
            ends = [output_end, errors_end, status_end]
            socket.send_fds(self._socket, [b"run"], [file.fileno(), nothing.fileno(), *ends])
            for end in ends:
                os.close(end)
        process = Process(command, output, errors, status)
        if not process.pid:
            self._interpreter.wait(20)
            raise AssertionError(f"the fork server has ended: {os.pread(self._log.fileno(), 10_000, 0).decode()}")
        return process


class Process:
    """What tests use of subprocess.Popen. The outputs are read by threads, so that the program never waits for room."""

    def __init__(self, command, output, errors, status):
        self.args = command
        self.returncode = None
        self._status = os.fdopen(status)
        self.pid = int(self._status.readline() or 0)
        self._output = _Reading(output)
        self._errors = None if errors is None else _Reading(errors)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Kills the program if it still runs: no test leaves a process."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)
            self.communicate()

    def communicate(self, timeout=None):
        """(output, errors) at the end of the program, as text; TimeoutExpired while it still runs."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for reading in filter(None, (self._output, self._errors)):
            reading.join(None if deadline is None else max(0, deadline - time.monotonic()))
            if reading.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout)
        if self.returncode is None:
            with self._status:
                self.returncode = int(self._status.readline())
        return self._output.text, self._errors and self._errors.text


class _Reading(threading.Thread):
    def __init__(self, descriptor):
        super().__init__(daemon=True)
        self._file = os.fdopen(descriptor, encoding="utf-8")
        self.start()

    def run(self):
        with self._file:
            self.text = self._file.read()


def serve(channel):
    """Returns only in a process that is to become a program, with the request."""
    # The kernel removes ended children: each writes its program's exit code itself.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 16, 5)
        if not message:
            sys.exit(0)
        if os.fork() == 0:
            channel.close()
            return run_beside_a_waiting_parent(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def run_beside_a_waiting_parent(request, stdin, stdout, stderr, status):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid:
        os.closerange(0, status)
        os.write(status, b"%d\n" % pid)
        os.write(status, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        os._exit(0)
    with open(request, "rb") as file:
        file.seek(0)
        wanted = json.load(file)
    for number, descriptor in enumerate((stdin, stdout, stderr)):
        os.dup2(descriptor, number)
    os.closerange(3, status + 1)
    return wanted


def main():
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        for name in sys.argv[2:]:
            importlib.import_module(name)
        assert threading.active_count() == 1, "a library has started a thread, which a fork would lose"
        gc.freeze()
        wanted = serve(channel)
    os.chdir(wanted["directory"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    sys.argv = wanted["command"]
    sys.path.insert(0, str(pathlib.Path(sys.argv[0]).parent))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
