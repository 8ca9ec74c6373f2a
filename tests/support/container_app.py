"""The app.py of containers under test: makes $ORPHANS orphans, then runs plain_bot.py.

An orphan's parent ends first, so that PID 1 has to reap it.
"""

import os
import runpy

for _ in range(int(os.environ.get("ORPHANS", "0"))):
    if os.fork() == 0:
        os.fork()
        os._exit(0)
    os.wait()
runpy.run_path("/app/plain_bot.py", run_name="__main__")
