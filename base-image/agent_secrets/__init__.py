"""What a bot knows about its own secrets: is a redeploy needed, and may new sessions come?

The sidecar watches the versions of the agent's secret sets and leaves a file when this instance
should be replaced. This package reads that file, turns readiness off for new sessions while the
live ones go on, tells the sidecar how many those are, and keeps other processes of the same user
from reading this one's environment. It never sees a secret, needs no other package, and never
raises because the sidecar, its files or its directory are not there.

    from agent_secrets import readyz, session     # readyz: found in bot.py by the base image's app

    @session()
    async def bot(runner_args): ...
"""

from agent_secrets.changes import changes
from agent_secrets.protection import protect
from agent_secrets.readiness import readyz
from agent_secrets.redeploy import Redeploy, redeploy_needed
from agent_secrets.sessions import active_sessions, session

__all__ = ["Redeploy", "active_sessions", "changes", "protect", "readyz", "redeploy_needed", "session"]
__version__ = "0.1.0"
