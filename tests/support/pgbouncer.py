"""A real PgBouncer in transaction mode in front of a server on a Unix socket: `with PgBouncer(url) as through: …`.
`through` is the URL of the same database through PgBouncer. Skips the test if PgBouncer is not installed."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import urllib.parse

import pytest

from support.wait import wait_for

CONFIGURATION = """
[databases]
* = host={server} user={user}
[pgbouncer]
listen_addr =
listen_port = 5432
unix_socket_dir = {directory}
auth_type = any
pool_mode = transaction
default_pool_size = 20
{more}
"""


class PgBouncer:
    def __init__(self, url):
        if not shutil.which("pgbouncer"):
            pytest.skip("pgbouncer is not installed")
        told = subprocess.run(["pgbouncer", "--version"], capture_output=True, text=True, check=True).stdout
        self.version = tuple(int(part) for part in re.search(r"(\d+)\.(\d+)", told).groups())
        self._parts = urllib.parse.urlsplit(url)
        self._directory = tempfile.TemporaryDirectory(prefix="agent-secrets-pgbouncer.", dir="/tmp")
        self._process = None

    @property
    def knows_prepared_statements(self):
        return self.version >= (1, 21)

    def __enter__(self):
        directory = pathlib.Path(self._directory.name)
        server = urllib.parse.parse_qs(self._parts.query)["host"][0]
        file = directory / "pgbouncer.ini"
        file.write_text(CONFIGURATION.format(
            server=server, user=self._parts.netloc.rstrip("@"), directory=directory,
            more="max_prepared_statements = 100" if self.knows_prepared_statements else ""))
        as_user = []
        if os.geteuid() == 0:  # PgBouncer refuses to run as root
            as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
            for path in (directory, file):
                shutil.chown(path, "nobody", "nogroup")
        self._process = subprocess.Popen([*as_user, "pgbouncer", "--quiet", str(file)], cwd="/",
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
        wait_for((directory / ".s.PGSQL.5432").exists, what="PgBouncer's socket")
        return f"postgresql://{self._parts.netloc}{self._parts.path}?host={directory}"

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._directory.cleanup()
