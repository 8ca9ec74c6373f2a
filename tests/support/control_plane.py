"""A real secret-control-plane on a free loopback port, with its own data: in a data directory, or in a database of the
PostgreSQL server of script/with-postgresql when $AGENT_SECRETS_TEST_DATABASE is "postgresql"."""

import contextlib
import dataclasses
import datetime
import json
import os
import re
import signal
import sqlite3
import subprocess

import pytest

from support import postgresql, programs
from support.rest import Rest
from support.wait import wait_for

TOKEN = re.compile(r"pcc_pat_[A-Za-z0-9_-]+")


class ControlPlaneFailed(AssertionError):
    """The program ended although it should run; the message has the end of its log."""


@dataclasses.dataclass(frozen=True)
class Tls:
    certificate: os.PathLike
    key: os.PathLike
    ca: os.PathLike


class ControlPlane:
    """Initialises `directory` and serves it: `with ControlPlane(path) as control_plane: …`.

    Leaving the block ends the process. restart() and kill() keep the data. `database` is the URL of a database that
    the caller has made; it overrides the environment. A test that also works with several servers uses
    replicas.new_control_plane().
    """

    start_timeout = 10.0  # seconds

    def __init__(self, directory, organization="acme", tls=None, serve_options=(), environment=None, database=None):
        self.directory = directory
        self.organization = organization
        self.tls = tls
        self.serve_options = list(serve_options)
        self.environment = environment or {}
        self.port = programs.free_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.public_url = self.url  # instances sign their requests for this URL
        self._data_dir = directory / "data"
        self._database = database
        self._own_database = None
        self.master_key_file = directory / "master.key"
        self.env_file = directory / "env"
        self.log_path = directory / "control-plane.log"
        self.token = None
        self.process = None

    def __enter__(self):
        self.init()
        self.start()
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.kill()
        if self._own_database:
            postgresql.drop_database(self._own_database)

    # The data

    @property
    def data_dir(self):
        """The data directory, for tests that look into its files; skips the test on PostgreSQL."""
        if self.database:
            pytest.skip("this test is about the files of a data directory")
        return self._data_dir

    @data_dir.setter
    def data_dir(self, path):
        self._data_dir = path
        assert self.data_dir == path

    @property
    def database(self):
        """The URL of the database, made at its first use; None for a data directory."""
        if self._database is None and os.environ.get("AGENT_SECRETS_TEST_DATABASE") == "postgresql":
            self._database = self._own_database = postgresql.new_database()
        return self._database

    # Commands

    def command(self, *arguments):
        """The whole command line of a subcommand."""
        place = ["--database", self.database] if self.database else ["--data-dir", self.data_dir]
        where = [*place, "--master-key-file", self.master_key_file]
        return [str(part) for part in (programs.control_plane_program(), *arguments, *where)]

    def run(self, *arguments, check=True, timeout=30):
        """Runs a subcommand to its end."""
        finished = subprocess.run(
            self.command(*arguments), env=programs.clean_environment(**self.environment),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
        )
        if check and finished.returncode != 0:
            raise ControlPlaneFailed(f"{arguments[0]} exited {finished.returncode}: {finished.stderr}")
        return finished

    def init(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        finished = self.run(
            "init", "--organization", self.organization, "--public-url", self.public_url,
            "--env-file", str(self.env_file),
        )
        found = TOKEN.search(finished.stdout)
        if not found:
            raise ControlPlaneFailed(f"init printed no token: {finished.stderr}")
        self.token = found[0]

    def issue_credential(self, agent):
        """The agentcred_v1_ text of a new credential."""
        trust = ("--ca", str(self.tls.ca)) if self.tls else ()
        return self.run("credential", "issue", agent, *trust).stdout.strip()

    def rest(self, token=None):
        return Rest(self.url, token or self.token, self.organization, self.tls and self.tls.ca)

    # The process

    def start(self):
        """Starts serving and waits until it listens. Appends to the log."""
        seen = self.log_path.stat().st_size if self.log_path.exists() else 0
        options = ["--listen", f"127.0.0.1:{self.port}", "--public-url", self.public_url]
        if self.tls:
            options += ["--tls-cert", str(self.tls.certificate), "--tls-key", str(self.tls.key)]
        environment = programs.clean_environment(AGENT_SECRETS_LOG="json", **self.environment)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command("serve", *options, *self.serve_options),
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        wait_for(lambda: self._listening(seen), self.start_timeout, what="the control plane's start")

    def _listening(self, offset):
        if b'"listening"' in self.log_path.read_bytes()[offset:]:
            return True
        if self.process.poll() is not None:
            raise ControlPlaneFailed(f"serve exited {self.process.returncode}: {self.log_tail()}")
        return False

    def stop(self, timeout=10):
        """Sends SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pids(self):
        return [self.process.pid]

    def restart(self):
        if self.process.poll() is None:
            self.stop()
        self.start()

    def log_lines(self):
        """The lines of the log, as dictionaries."""
        return [json.loads(line) for line in self.log_path.read_text().splitlines() if line.startswith("{")]

    def logged(self, message, count=1, **fields):
        """The log lines with the message and the fields. Waits for so many: a server writes its log after it answers."""
        wanted = {"message": message, **fields}

        def found():
            lines = [entry for entry in self.log_lines() if wanted.items() <= entry.items()]
            return len(lines) >= count and lines
        return wait_for(found, what=f"{count} log lines with {wanted}")

    def logged_at(self, message, **fields):
        """Unix time in seconds of the last log line with the message and the fields. Waits for the first."""
        lines = self.logged(message, **fields)
        return datetime.datetime.fromisoformat(max(line["time"] for line in lines)).timestamp()

    def log_tail(self, lines=10):
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    # Damage that the API cannot cause

    def damage_values(self, set_version):
        """Overwrites the value that this version of the only set has written. On SQLite no server may run."""
        if self.database:
            box = "decode(repeat('00', 64), 'hex')"
            changed = postgresql.run_sql(
                self.database, 'WITH damaged AS (UPDATE "agent-secrets-catalog".set_values'
                f" SET box = {box} WHERE written_by = {set_version} RETURNING 1) SELECT count(*) FROM damaged")
            assert int(changed) == 1
            return
        with contextlib.closing(sqlite3.connect(self.data_dir / "catalog.db")) as catalog:
            statement = f"UPDATE set_values SET box = zeroblob(64) WHERE written_by = {set_version}"
            assert catalog.execute(statement).rowcount == 1
            catalog.commit()

    # Waits of most tests

    def wait_ready(self, name, timeout=10):
        rest = self.rest()
        wait_for(lambda: rest.set_status(name) == "ready", timeout, f"set {name} turning ready")
