"""`kill -9` of the server at any moment, under mixed load. After each kill:

- nothing that was acknowledged is lost: the newest write of each set, the deployments, the audit records;
- no set is torn: an instance gets two values that were written together;
- every database is whole (`PRAGMA integrity_check`), and so are the audit logs, also against the checkpoints that were
  kept before the kill;
- every backup that was made is whole.

script/e2e-crash runs many rounds. A planted bug shows that the rounds find one: a proxy that acknowledges writes before
the server has them. With AGENT_SECRETS_TEST_DATABASE=postgresql the same on PostgreSQL, which is not killed."""

import contextlib
import http.client
import os
import random
import sqlite3
import threading
import time

import pytest

from support import postgresql
from support.control_plane import ControlPlane
from support.crash_load import MixedLoad
from support.recording_proxy import RecordingProxy
from support.wait import wait_for

ROUNDS = int(os.environ.get("AGENT_SECRETS_CRASH_ROUNDS", "5"))
SEED = int(os.environ.get("AGENT_SECRETS_CRASH_SEED", "1"))


class Lost(AssertionError):
    """What was acknowledged is not there."""


class Rounds:
    def __init__(self, control_plane, load):
        self.control_plane, self.load = control_plane, load
        self.checkpoints = control_plane.directory / "checkpoints"
        self.kills = 0

    def run(self, moments):
        """One round. It ends with a server that runs."""
        time.sleep(moments.uniform(0.05, 1.5))
        self._kill()
        if moments.random() < 0.25:  # also while it starts
            self._start()
            time.sleep(moments.uniform(0, 0.1))
            self._kill()
        acknowledged = self.load.acknowledged()
        self._check_databases()
        self._check_audit(acknowledged[2])
        self._start()
        self._check_values(acknowledged[0])
        self._check_deployments(acknowledged[1])
        assert self.load.faults == []

    def _kill(self):
        self.control_plane.kill()
        self.kills += 1

    def _start(self):
        with self.load.master_key:
            self.control_plane.start()

    def _check_databases(self):
        if self.control_plane.database:
            return
        for file in self.control_plane.data_dir.glob("*.db"):
            with contextlib.closing(sqlite3.connect(file, timeout=60)) as database:
                found = database.execute("PRAGMA integrity_check").fetchall()
                assert found == [("ok",)], f"{file.name}: {found}"
                assert database.execute("PRAGMA foreign_key_check").fetchall() == [], file.name

    def _check_audit(self, writes):
        with self.load.master_key:
            kept = ["--checkpoint", self.checkpoints] if self.checkpoints.exists() else []
            found = self.control_plane.run("audit", "verify", *kept, check=False, timeout=120)
            assert found.returncode == 0, found.stderr
            with open(self.checkpoints, "a") as kept:
                kept.write(self.control_plane.run("audit", "checkpoint").stdout)
        recorded = self._count_records()
        if recorded < writes:
            raise Lost(f"{writes} writes were acknowledged, and {recorded} have an audit record")

    def _count_records(self):
        query = "SELECT count(*) FROM {}audit WHERE action = 'set.write'"
        if self.control_plane.database:
            return int(postgresql.run_sql(self.control_plane.database, query.format('"agent-secrets-catalog".')))
        with contextlib.closing(sqlite3.connect(self.control_plane.data_dir / "catalog.db", timeout=60)) as catalog:
            return catalog.execute(query.format("")).fetchone()[0]

    def _check_values(self, written):
        """Agents follow the newest version. Numbers rise, so later ones are fine."""
        for each in self.load.agents:
            try:
                wait_for(lambda each=each: (each.served() or -1) >= written[each.agent], 30, "the values", 0.05)
            except AssertionError:
                raise Lost(f"{each.agent}: {written[each.agent]} was acknowledged, {each.served()} is served") from None

    def _check_deployments(self, deployed):
        for each in self.load.agents:
            listed = self.load.control_plane.rest().org("GET", f"services/{each.agent}/deployments").body["deployments"]
            there = {row["id"] for row in listed}
            missing = set(list(deployed[each.agent])[-10:]) - there
            if missing:
                raise Lost(f"{each.agent}: {len(missing)} deployments that were acknowledged")


class EarlyAnswers(RecordingProxy):
    """The planted bug: a write is answered with 202, and passed on a moment later."""

    def _forward(self, method, path, body, headers):
        if method != "PUT" or "/secrets/" not in path:
            return super()._forward(method, path, body, headers)
        forward = super()._forward

        def pass_on():
            with contextlib.suppress(OSError, http.client.HTTPException):
                forward(method, path, body, headers)

        threading.Timer(0.2, pass_on).start()
        return 202, "application/json", b"{}"


@pytest.fixture
def control_plane(tmp_path):
    with ControlPlane(tmp_path / "control-plane") as running:
        yield running


def test_kill_9_loses_nothing_that_was_acknowledged(control_plane, capsys):
    moments = random.Random(SEED)
    begun = time.monotonic()
    with MixedLoad(control_plane) as load:
        rounds = Rounds(control_plane, load)
        for number in range(ROUNDS):
            try:
                rounds.run(moments)
            except AssertionError as error:
                raise AssertionError(f"round {number + 1}, seed {SEED}: {error}") from error
    assert load.faults == []
    with capsys.disabled():
        done = ", ".join(f"{count} {what}" for what, count in load.done.items())
        print(f"\n{ROUNDS} rounds, {rounds.kills} kills in {time.monotonic() - begun:.0f} s: {done}; nothing was lost")


def test_a_server_that_acknowledges_too_early_is_found(control_plane):
    moments = random.Random(SEED)
    with EarlyAnswers(control_plane.url) as proxy, MixedLoad(control_plane, url=proxy.url) as load:
        rounds = Rounds(control_plane, load)
        with pytest.raises(Lost):
            for _ in range(5):
                rounds.run(moments)
