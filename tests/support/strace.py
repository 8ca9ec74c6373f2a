"""The system calls of a program, by strace(1): the paths that it opens, and the bytes that it passes to the kernel."""

import dataclasses
import os
import pathlib
import re
import subprocess

PROGRAM = "/usr/bin/strace"

# Calls whose buffers the kernel fills: the program does not pass these bytes to the kernel.
READS = {"read", "pread64", "readv", "preadv", "preadv2", "recvfrom", "recvmsg", "recvmmsg", "getrandom"}
_CALL = re.compile(rb"^(\w+)\((.*)", re.DOTALL)
_OPEN = re.compile(rb'^(?:(?:AT_FDCWD|\d+)(?:<((?:\\x..)*)[^>]*>)?, )?"((?:\\x..)*)"')
_MAKES = {"clone", "clone3", "fork", "vfork"}
_OPENS = {"open", "openat", "openat2", "creat"}
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")


def installed():
    return os.path.exists(PROGRAM)


@dataclasses.dataclass(frozen=True)
class Call:
    name: str
    arguments: bytes  # as strace prints them, each byte of a string as \xNN
    program: int  # number of execs before this call: 0 is the started program
    process: int

    @property
    def content(self):
        """The arguments with every string decoded."""
        return _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), self.arguments)

    @property
    def succeeded_as_exec(self):
        return self.name == "execve" and self.arguments.rstrip().endswith(b"= 0")

    @property
    def made(self):
        """The process or thread that the call made; None for other calls."""
        result = re.search(rb"= (\d+)(?:<[^>]*>)?$", self.arguments)
        return int(result[1]) if result and self.name in _MAKES else None

    @property
    def opened(self):
        """The absolute path that the call opens or tries to open; None for other calls."""
        if self.name not in _OPENS:
            return None
        directory, path = (_decoded(part or b"") for part in _OPEN.match(self.arguments).groups())
        return os.path.normpath(os.path.join(os.fsdecode(directory), os.fsdecode(path)))


def _decoded(text):
    return bytes(int(digits, 16) for digits in _ESCAPED.findall(text))


def parse(text, process=0, program=-1):
    """Calls of one process or thread, which begins as `program`; -1 is strace itself, before the first exec."""
    calls = []
    for line in text.splitlines():
        match = _CALL.match(line)
        if not match:
            continue  # a signal, or the end of the process
        call = Call(match[1].decode(), match[2], program, process)
        if call.succeeded_as_exec:
            program += 1
        calls.append(call)
    return calls


def run(argv, directory, environment, timeout=60):
    """(CompletedProcess, calls of all its processes). Traces until the last of them ends."""
    directory = pathlib.Path(directory)
    directory.mkdir()
    # A file for each process, so that no call is split by another's; strings whole, in hex, paths of descriptors.
    traced = [PROGRAM, "-ff", "-y", "-v", "-xx", "-s", "1000000", "-o", directory / "trace", *argv]
    finished = subprocess.run([str(word) for word in traced], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=timeout)
    texts = {int(path.suffix[1:]): path.read_bytes() for path in directory.iterdir()}
    return finished, family(texts, min(texts))


def family(texts, process, program=-1):
    """Calls of a process and of all its child processes and threads; each begins as the program of its parent."""
    calls = parse(texts.pop(process), process, program)
    for call in list(calls):
        if call.made in texts:
            calls += family(texts, call.made, call.program)
    return calls


def handed_out(calls, search):
    """Runs a canary.Search over all bytes that were passed to the kernel, except the environment of a
    successful exec (its last argument)."""
    for call in calls:
        if call.name not in READS and not call.succeeded_as_exec:
            search.bytes(call.content, f"{call.name} of process {call.process}")
        if call.succeeded_as_exec:
            search.bytes(Call("", _but_environment(call.arguments), 0, 0).content, "an exec's arguments")
    return search.leaks


def _but_environment(arguments):
    """execve("path", ["argv"], ["envp"]) = 0, without the envp."""
    return arguments[: arguments.rindex(b"], [")] if b"], [" in arguments else arguments
