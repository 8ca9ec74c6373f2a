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


def sidecar_runs() -> bool:
    """Whether a sidecar, of whatever container, has the directory: it holds a lock while it lives."""
    try:
        lock = os.open(directory() / "sidecar.lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
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
