"""Counts the live sessions of the bot, in all its processes, and tells the sidecar.

Each process that counts has a file of its own in the state directory, sessions.PID-RANDOM.json, with
{"schema": 1, "active_sessions": N}, and holds a lock on it. The kernel drops the lock when the process
ends, however it ends, and then the file no longer counts: neither the sidecar nor this module believes
it, and the next to look removes it. At each change the process writes a new file, locks it, and only
then renames it over the old one, so the name always leads to a file that is whole and locked.

A child of fork() starts at 0 with a file of its own: the sessions under way are its parent's.

sessions.json has the sum of all processes, for a sidecar that is older than these files.
"""

from __future__ import annotations

import fcntl
import functools
import inspect
import json
import os
import pathlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from agent_secrets import _state

MAX_BYTES = 4096  # of another process's file
_Function = TypeVar("_Function", bound=Callable[..., Any])


class _Counter:
    """The sessions of this process, in memory and on disk. Safe from any thread."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._count = 0
        self.name = f"sessions.{os.getpid()}-{os.urandom(4).hex()}.json"
        self._locked = -1  # the descriptor of what has that name now

    @property
    def count(self) -> int:
        return self._count

    def add(self, difference: int) -> None:
        # Written under the lock, so that the last to write knows the most. It is a few bytes in memory.
        with self._changing:
            # Below 0 is the end of a session that began in the parent of a fork.
            self._count = max(self._count + difference, 0)
            self._tell()

    def _tell(self) -> None:
        """Never raises: a call must not end because nobody can be told of it."""
        directory = _state.directory()
        try:
            new = _write(directory, self.name, {"active_sessions": self._count}, lock=True)
            self._locked, old = new, self._locked
            if old >= 0:
                os.close(old)
            os.close(_write(directory, "sessions.json", {"active_sessions": _total(self), "by_process": True}))
            problem = ""
        except OSError as error:
            problem = f"the number of sessions cannot be told to the sidecar: {directory}: {error.strerror}"
        _state.say("sessions", problem)

    def close(self) -> None:
        if self._locked >= 0:
            os.close(self._locked)


_counter = _Counter()


def _begin_again() -> None:
    """In the child of a fork: file, lock and sessions are the parent's, and stay so when a copy of the descriptor closes."""
    global _counter
    _counter.close()
    _counter = _Counter()


os.register_at_fork(after_in_child=_begin_again)


def active_sessions() -> int:
    """How many sessions are live, in all processes of the bot that share the state directory."""
    try:
        return _total(_counter)
    except OSError:
        return _counter.count


class _Session:
    def __enter__(self) -> None:
        _counter.add(1)

    def __exit__(self, *_: object) -> None:
        _counter.add(-1)

    async def __aenter__(self) -> None:
        _counter.add(1)

    async def __aexit__(self, *_: object) -> None:
        _counter.add(-1)

    def __call__(self, function: _Function) -> _Function:
        # Counts already as the bot is loaded: an instance that has had no session says 0, not what
        # the one before it left.
        _counter.add(0)
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def counted(*arguments: Any, **named: Any) -> Any:
                with self:
                    return await function(*arguments, **named)

        else:

            @functools.wraps(function)
            def counted(*arguments: Any, **named: Any) -> Any:
                with self:
                    return function(*arguments, **named)

        return cast(_Function, counted)


def session() -> _Session:
    """`with session():` or `async with session():` around a session, or `@session()` on bot()."""
    return _Session()


def _total(mine: _Counter) -> int:
    """The sessions of this process and of all others that live. OSError where the directory cannot be read."""
    total = mine.count
    for entry in os.listdir(_state.directory()):
        # Not this process's own: is_life_locked() must not be asked about that.
        if entry.startswith("sessions.") and entry.endswith(".json") and entry not in ("sessions.json", mine.name):
            total += _sessions_of(entry)
    return total


def _sessions_of(name: str) -> int:
    """0 for a process that has ended, whose file is removed."""
    for _ in range(8):  # it may be replaced meanwhile
        try:
            file = _state.open_to_read(name)
        except OSError:
            return 0
        try:
            if _state.is_life_locked(file):
                return _parse(os.read(file, MAX_BYTES))
            # Without a lock: its process has ended, or has just put another file in its place.
            if os.path.samestat(os.fstat(file), os.stat(_state.directory() / name, follow_symlinks=False)):
                os.unlink(_state.directory() / name)
                return 0
        except OSError:
            return 0
        finally:
            os.close(file)
    return 0


def _parse(content: bytes) -> int:
    try:
        sessions = json.loads(content)["active_sessions"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return 0
    return sessions if isinstance(sessions, int) and sessions > 0 else 0


def _write(directory: pathlib.Path, name: str, members: dict[str, object], lock: bool = False) -> int:
    """Replaces the file; returns its descriptor, which holds the lock if one was wanted."""
    # Not synced: nothing here outlives the container. O_EXCL: what a crash left is not written into.
    temporary = directory / f".{name}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if lock:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(file, json.dumps({"schema": 1, **members}).encode())
        os.fchmod(file, 0o644)  # whatever the umask is: the sidecar may be another user
        temporary.replace(directory / name)
    except OSError:
        os.close(file)
        temporary.unlink(missing_ok=True)
        raise
    return file
