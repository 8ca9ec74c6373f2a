"""The directory that injector, sidecar and bot share, and a log that does not repeat itself.

Any thread may call what is here.
"""

from __future__ import annotations

import fcntl
import logging
import os
import pathlib
import threading

DEFAULT_DIRECTORY = "/run/agent-secrets"
LOG = logging.getLogger("agent_secrets")

_last_said: dict[str, str] = {}
_saying = threading.Lock()


def directory() -> pathlib.Path:
    """$AGENT_SECRETS_STATE_DIR, read anew each time."""
    return pathlib.Path(os.environ.get("AGENT_SECRETS_STATE_DIR") or DEFAULT_DIRECTORY)


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
