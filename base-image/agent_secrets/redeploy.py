"""redeploy.json, the sidecar's word that this instance should be replaced (docs/sidecar.md)."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any, Literal

from agent_secrets import _state

SCHEMA = 1
MAX_BYTES = 2 * 1024 * 1024  # more than a sidecar can write

State = Literal["stale", "superseded"]


@dataclasses.dataclass(frozen=True)
class Redeploy:
    """Why and since when. Names of keys, never a value."""

    state: State  # stale: a set has a newer version; superseded: a newer deployment exists
    since: datetime.datetime  # aware, UTC: when the sidecar first saw it
    changed_keys: Mapping[str, tuple[str, ...]]  # by set: the keys whose value differs


def redeploy_needed() -> Redeploy | None:
    """None while this instance is current, or while nothing can be known.

    Costs one stat() unless the file has changed, so call it as often as you like, from any thread.
    A file that cannot be understood counts as none, and the log says so once.
    """
    path = _state.directory() / "redeploy.json"
    try:
        identity = _identity(path)
        if _cached is not None and _cached[0] == identity:
            return _cached[1]
        found = _parse(_read(path))
    except FileNotFoundError:
        found, identity, problem = None, None, ""
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        found, identity, problem = None, None, f"{path} cannot be understood, no redeploy is assumed: {error!r}"
    else:
        problem = ""
    _state.say("redeploy", problem)
    _remember(identity, found)
    return found


_Identity = tuple[str, int, int, int, int]
# One tuple, replaced as a whole: threads see the old or the new one.
_cached: tuple[_Identity, Redeploy] | None = None


def _remember(identity: _Identity | None, found: Redeploy | None) -> None:
    global _cached
    _cached = (identity, found) if identity is not None and found is not None else None


def _identity(path: pathlib.Path) -> _Identity:
    # The sidecar replaces the file by rename, so another content is another inode or another time.
    facts = os.stat(path, follow_symlinks=False)
    return str(path), facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def _read(path: pathlib.Path) -> str:
    # O_NONBLOCK: a FIFO of that name must not hold the bot up.
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(file, "rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if content is None or len(content) > MAX_BYTES:
        raise ValueError("not a file of this size")
    return content.decode()


def _parse(text: str) -> Redeploy:
    document: dict[str, Any] = json.loads(text)
    if document["schema"] != SCHEMA:
        raise ValueError(f"schema {document['schema']!r}")
    state = document["state"]
    if state not in ("stale", "superseded"):
        raise ValueError(f"state {state!r}")
    changed = {
        str(item["name"]): tuple(str(key) for key in item.get("changed_keys") or ())
        for item in (document.get("latest") or {}).get("sets") or ()
    }
    return Redeploy(state, _time(document["since"]), {name: keys for name, keys in changed.items() if keys})


def _time(text: str) -> datetime.datetime:
    # Python 3.10's fromisoformat() does not know the Z.
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(datetime.timezone.utc)
