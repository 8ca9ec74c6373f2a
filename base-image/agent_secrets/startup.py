"""Protects each Python of an image from its first moments; AGENT_SECRETS_PROTECT=0 leaves it out.

base-image/Dockerfile puts `import agent_secrets.startup` into a .pth file, which Python runs before
the bot's first line: no change of the bot is needed, and Python processes that the bot starts are
protected too. A secret set cannot set the variable: the injector refuses AGENT_SECRETS_*.
"""

import os

if os.environ.get("AGENT_SECRETS_PROTECT") != "0":
    from agent_secrets.protection import protect

    protect()
