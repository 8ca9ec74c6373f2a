"""PostgreSQL for tests: databases of the server that script/with-postgresql has started, and servers of their own for
tests that stop a server, fill it or protect it by a password."""

import contextlib
import glob
import os
import pathlib
import secrets
import shutil
import subprocess
import tempfile
import urllib.parse

import pytest

SHARED_URL = "AGENT_SECRETS_TEST_POSTGRESQL"


def programs_directory():
    """Where initdb and pg_ctl are; skips the test without them. Debian keeps them out of PATH."""
    found = shutil.which("initdb") or next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))[-1:]), None)
    if not found:
        pytest.skip("PostgreSQL is not installed")
    return pathlib.Path(found).parent


def with_parts(url, database=None, user=None):
    """The URL with another database, or another user."""
    parts = urllib.parse.urlsplit(url)
    if database is not None:
        parts = parts._replace(path=f"/{database}")
    if user is not None:
        parts = parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}")
    # urlsplit would lose the empty host of postgresql://USER@/DATABASE.
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{parts.query}"


def run_sql(url, *statements, password=None):
    """Runs each statement in a transaction of its own; returns what psql prints, without headers."""
    commands = [part for statement in statements for part in ("--command", statement)]
    environment = {"PATH": os.environ["PATH"], **({"PGPASSWORD": password} if password else {})}
    finished = subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--dbname", url,
         *commands],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def new_database():
    """The URL of a new database on the shared server; skips the test without the server."""
    url = os.environ.get(SHARED_URL)
    if not url:
        pytest.skip(f"${SHARED_URL} is not set: run script/with-postgresql")
    name = f"test_{secrets.token_hex(8)}"
    run_sql(url, f"CREATE DATABASE {name}")
    return with_parts(url, database=name)


def dump(url):
    """A dump of the whole database, as bytes. Binary values are in hex."""
    return subprocess.run(["pg_dump", "--inserts", "--dbname", url], env={"PATH": os.environ["PATH"]},
                          stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60).stdout


def drop_database(url):
    name = urllib.parse.urlsplit(url).path.removeprefix("/")
    run_sql(os.environ[SHARED_URL], f"DROP DATABASE {name} WITH (FORCE)")


class PostgresServer:
    """A server of its own on a Unix socket: `with PostgresServer(max_connections=10) as server: …`. Each user has a
    password; the superuser is `postgres`."""

    PASSWORD = "of-the-superuser"

    def __init__(self, **settings):
        self._settings = {"listen_addresses": "''", "fsync": "off", **settings}
        self._programs = programs_directory()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="agent-secrets-server.", dir="/tmp"))
        # The server refuses to run as root.
        self._as_user = []
        if os.geteuid() == 0:
            shutil.chown(self.directory, "nobody", "nogroup")
            self._as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
        self.url = f"postgresql://postgres@/postgres?host={self.directory}"

    @property
    def data(self):
        return self.directory / "data"

    def __enter__(self):
        password_file = self.directory / "password"
        password_file.write_text(self.PASSWORD)
        password_file.chmod(0o644)
        self._run("initdb", f"--pgdata={self.data}", "--username=postgres", "--auth=scram-sha-256",
                  f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        self.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop()
        shutil.rmtree(self.directory)

    def start(self):
        settings = {"unix_socket_directories": self.directory, **self._settings}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._run("pg_ctl", f"--pgdata={self.data}", f"--log={self.directory}/log", "--silent", "--wait",
                  f"--options={options}", "start")

    def stop(self):
        self._run("pg_ctl", f"--pgdata={self.data}", "--mode=fast", "--silent", "stop")

    def become_standby(self):
        """Starts again as a standby without a primary, which accepts reads alone."""
        self.stop()
        self._run("touch", self.data / "standby.signal", program=False)
        self.start()

    def save_data(self):
        """Saves a copy of the present data, as a standby would have it that receives no later commits."""
        self.stop()
        self._run("cp", "--archive", self.data, self.directory / "saved", program=False)
        self.start()

    def fail_over(self):
        """Replaces the data with the saved copy and promotes the server, as a failover that loses commits."""
        self.stop()
        shutil.rmtree(self.data)
        (self.directory / "saved").rename(self.data)
        self._run("touch", self.data / "standby.signal", program=False)
        self.start()
        self._run("pg_ctl", f"--pgdata={self.data}", "--silent", "promote")

    def sql(self, *statements, database=None):
        return run_sql(with_parts(self.url, database=database), *statements, password=self.PASSWORD)

    def _run(self, name, *arguments, program=True):
        command = [*self._as_user, self._programs / name if program else name, *arguments]
        subprocess.run([str(part) for part in command], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True, timeout=60)
