"""Changes of redeploy_needed(), for a bot that wants to act rather than be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator

from agent_secrets.redeploy import Redeploy, redeploy_needed

MIN_INTERVAL_SECONDS = 1.0


async def changes(interval_seconds: float = MIN_INTERVAL_SECONDS) -> AsyncIterator[Redeploy | None]:
    """Yields what redeploy_needed() says whenever that changes, and at once if a redeploy is needed
    already; None when it no longer is. Never ends: break, or cancel the task.

    It looks once a second, which is one stat(): a watch of the directory by inotify would be quicker
    by half a second, and would have to survive the directory's absence and replacement. Several in a
    second are one change.
    """
    # Not at the top: it is nine tenths of what this package costs at the start of any Python.
    import asyncio

    known: Redeploy | None = None
    while True:
        found = redeploy_needed()
        if found != known:
            known = found
            yield found
        await asyncio.sleep(max(interval_seconds, MIN_INTERVAL_SECONDS))
