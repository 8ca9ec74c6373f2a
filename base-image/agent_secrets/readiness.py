"""readyz() as Pipecat Cloud's base image calls it: found by name in bot.py, asked at each probe."""

from __future__ import annotations

import os

from agent_secrets import _state
from agent_secrets.redeploy import State, redeploy_needed
from agent_secrets.sessions import active_sessions

VARIABLE = "AGENT_SECRETS_UNREADY_WHEN"
# From which states on no new session should come, as secret-sidecar's --unready-when.
UNREADY_STATES: dict[str, tuple[State, ...]] = {
    "stale": ("stale", "superseded"),
    "superseded": ("superseded",),
    "never": (),
}
# A stale set makes every instance of an agent stale at once. To refuse sessions then is for those
# who redeploy at once; once a newer deployment exists, others are there to take them.
DEFAULT = "superseded"


def readyz(unready_when: str | None = None) -> dict[str, object]:
    """{"ready": bool, "status": text, "active_sessions": N, "sidecar": bool}; never raises.

    Not ready means: send new sessions elsewhere, the live ones go on. `unready_when` is "stale" (or
    superseded), "superseded" or "never"; unless given, $AGENT_SECRETS_UNREADY_WHEN, or "superseded".
    Without a running sidecar the answer rests on what the last one knew, and the log says so: a bot
    does not go down with its watcher.
    """
    redeploy = redeploy_needed()
    ready = redeploy is None or redeploy.state not in _unready_states(unready_when)
    sidecar = _state.sidecar_runs()
    _state.say("sidecar", "" if sidecar else f"no sidecar runs with {_state.directory()}: changes go unnoticed")
    return {
        "ready": ready,
        "status": "ok" if redeploy is None else f"redeploy needed: {redeploy.state}",
        "active_sessions": active_sessions(),
        "sidecar": sidecar,
    }


def _unready_states(unready_when: str | None) -> tuple[State, ...]:
    wanted = unready_when or os.environ.get(VARIABLE) or DEFAULT
    known = wanted in UNREADY_STATES
    _state.say("unready_when", "" if known else f"{wanted!r} is not one of {', '.join(UNREADY_STATES)}; taken: {DEFAULT}")
    return UNREADY_STATES[wanted if known else DEFAULT]
