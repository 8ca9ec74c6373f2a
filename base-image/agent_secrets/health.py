"""`python3 -m agent_secrets.health`: the container's HEALTHCHECK. Exit 0 while the bot answers.

It asks http://127.0.0.1:$PORT/livez; any answer below 500 is life, for not every bot has that path.
A needed redeploy is printed, as `docker inspect` shows it, and is no failure: what restarts unhealthy
containers would end a live session, and start with the same secrets again.
"""

from __future__ import annotations

import http.client
import os
import sys

from agent_secrets import _state
from agent_secrets.redeploy import redeploy_needed

TIMEOUT_SECONDS = 4.0


def bot_lives(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    alive = bot_lives(int(os.environ.get("PORT") or 8080))
    redeploy = redeploy_needed()
    print(
        f"bot: {'up' if alive else 'does not answer'};",
        f"sidecar: {'up' if _state.sidecar_runs() else 'absent'};",
        f"redeploy: {redeploy.state if redeploy else 'not needed'}",
    )
    return 0 if alive else 1


if __name__ == "__main__":
    sys.exit(main())
