"""The directory that injector, sidecar and bot share, and a log that does not repeat itself.

Any thread may call what is here.
"""

from __future__ import annotations

import fcntl
import logging
import os
import pathlib
import threading

SYSTEM_DIRECTORY = "/run/agent-secrets"
LOG = logging.getLogger("agent_secrets")

_last_said: dict[str, str] = {}
_saying = threading.Lock()


def default_directory() -> str:
    """The system's directory for root and for who may write there, else one in $XDG_RUNTIME_DIR."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.geteuid() == 0 or not runtime.startswith("/") or os.access(SYSTEM_DIRECTORY, os.W_OK | os.X_OK):
        return SYSTEM_DIRECTORY
    return runtime.rstrip("/") + "/agent-secrets"


def directory() -> pathlib.Path:
    """$AGENT_SECRETS_STATE_DIR, else what the programs take (core/state_place.h); read anew each time."""
    return pathlib.Path(os.environ.get("AGENT_SECRETS_STATE_DIR") or default_directory())


def say(topic: str, problem: str) -> None:
    """Logs a problem once, until another one on the topic or none ("") takes its place."""
    with _saying:
        if _last_said.get(topic, "") == problem:
            return
        _last_said[topic] = problem
    if problem:
        LOG.warning("%s", problem)


def open_to_read(name: str) -> int:
    """A descriptor of a file in the directory. A FIFO of that name holds nobody up."""
    return os.open(directory() / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def is_life_locked(file: int) -> bool:
    """Whether another process holds the file's lock, and therefore lives: of whatever container.

    It is a lock for writing (fcntl_locking(2)); this one, for reading, is dropped again at once. Must
    not be asked about a file that this process itself has locked: it would answer no, and closing
    `file` would drop that lock.
    """
    try:
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # POSIX lets a system say either
        return True
    return False


def sidecar_runs() -> bool:
    """Whether a sidecar, of whatever container, has the directory: it holds a lock while it lives."""
    try:
        file = open_to_read("sidecar.alive")
    except FileNotFoundError:
        return _older_sidecar_runs()
    except OSError:
        return False
    try:
        return is_life_locked(file)
    except OSError:
        return False
    finally:
        os.close(file)


def _older_sidecar_runs() -> bool:
    """One from before sidecar.alive: it holds a flock(2) on a file that all could open."""
    try:
        lock = open_to_read("sidecar.lock")
    except OSError:
        return False
    try:
        # Shared, so that two who ask at once do not take each other for a sidecar.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(lock)
