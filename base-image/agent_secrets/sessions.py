"""Counts the live sessions of this process, and tells the sidecar.

The count is sessions.json in the state directory, {"schema": 1, "active_sessions": N}, replaced by
rename. One process counts: of several that share a state directory, the last to write is heard, so
a bot with worker processes gives each its own (AGENT_SECRETS_STATE_DIR), or counts in one.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import pathlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from agent_secrets import _state

_Function = TypeVar("_Function", bound=Callable[..., Any])


class _Counter:
    """How many are live, in memory and on disk. Safe from any thread."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def add(self, difference: int) -> None:
        # Written under the lock, so that the last to write knows the most. It is a few bytes in memory.
        with self._changing:
            self._count += difference
            _publish(self._count)


_counter = _Counter()


def active_sessions() -> int:
    """How many sessions are live in this process."""
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


def _publish(count: int) -> None:
    """Never raises: a call must not end because nobody can be told of it."""
    directory = _state.directory()
    try:
        _replace(directory, json.dumps({"schema": 1, "active_sessions": count}))
        problem = ""
    except OSError as error:
        problem = f"the number of sessions cannot be told to the sidecar: {directory}: {error.strerror}"
    _state.say("sessions", problem)


def _replace(directory: pathlib.Path, text: str) -> None:
    # Not synced: nothing here outlives the container. O_EXCL: what a crash left is not written into.
    temporary = directory / f".sessions.json.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    try:
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with open(file, "w", encoding="ascii") as stream:
            os.fchmod(file, 0o644)  # whatever the umask is: the sidecar may be another user
            stream.write(text)
        temporary.replace(directory / "sessions.json")
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
