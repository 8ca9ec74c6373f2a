"""Servers that start at the same time on one PostgreSQL database, and servers of two versions on one database.

$AGENT_SECRETS_OLDER_BUILD names a build directory of an older version, to test a real upgrade. Without it, statements
of this test change the schema as a newer version would."""

import collections
import concurrent.futures
import contextlib
import os
import pathlib
import threading
import time

import pytest

from support import protocol
from support.control_plane import ControlPlane
from support.postgresql import drop_database, dump, new_database, run_sql
from support.wait import wait_for

CATALOG, REGION = '"agent-secrets-catalog"', '"agent-secrets-region-us-west"'
SERVERS = 10


@contextlib.contextmanager
def server_beside(first, directory, kind=ControlPlane, database=None):
    """A server with the master key of `first`, on the database of `first` or another database. It is not started."""
    server = kind(directory, database=database or first.database)
    server.directory.mkdir()
    server.master_key_file, server.token, server.public_url = first.master_key_file, first.token, first.public_url
    try:
        yield server
    finally:
        if server.process and server.process.poll() is None:
            server.kill()


def deploy(server, agent="bot"):
    """Writes a set, deploys an agent with it, and returns a credential of the agent."""
    rest = server.rest()
    assert rest.put_secrets("set1", GREETING="hello").status == 202
    server.wait_ready("set1", 30)
    assert rest.deploy(agent, secretSet="set1").status == 200
    return protocol.Credential.parse(server.issue_credential(agent))


def bundle(server, credential):
    """The bundle that this server answers. The proof is for the public URL, which all servers accept."""
    return protocol.get(server.url, protocol.BUNDLE, protocol.proof(credential, protocol.BUNDLE))


def test_servers_that_start_at_once_on_an_empty_database_fail_with_a_hint(database, tmp_path):
    with ControlPlane(tmp_path / "made") as made:  # for its master key
        server = ControlPlane(tmp_path / "server", database=database)
        server.master_key_file = made.master_key_file
        with concurrent.futures.ThreadPoolExecutor(SERVERS) as pool:
            finished = list(pool.map(lambda _: server.run("serve", "--listen=127.0.0.1:0", check=False), range(SERVERS)))
    assert {each.returncode for each in finished} == {1}
    assert all("holds no catalog" in each.stderr and "init" in each.stderr for each in finished)


def test_servers_that_start_at_once_make_a_region_once(database, tmp_path):
    """One server makes the region's schema and keys, so all servers sign with the same key."""
    with contextlib.ExitStack() as ended, concurrent.futures.ThreadPoolExecutor(SERVERS) as pool:
        first = ControlPlane(tmp_path / "first", database=database)
        first.init()
        run_sql(database, f"DROP SCHEMA {REGION} CASCADE", f"DELETE FROM {CATALOG}.keys WHERE purpose LIKE '%us-west'")
        servers = [ended.enter_context(server_beside(first, tmp_path / str(number))) for number in range(SERVERS)]
        list(pool.map(lambda server: server.start(), servers))
        versions = run_sql(database, f"SELECT version FROM {REGION}.migrations ORDER BY 1").split()
        assert versions == [str(number + 1) for number in range(len(versions))]
        credential = deploy(servers[0])
        for server in servers:
            answer = bundle(server, credential)
            assert answer.status == 200
            wait_for(lambda: server.rest().request("GET", "/readyz").status == 200, 20, "the server being ready")
            assert protocol.open_bundle(credential, answer.body.decode()) == {b"GREETING": b"hello"}
            assert "error" not in {line["level"] for line in server.log_lines()}


def test_a_dump_restored_into_another_database_serves_the_same_values(database, tmp_path):
    """Follows the description of a backup in docs/OPERATIONS.md."""
    with ControlPlane(tmp_path / "first", database=database) as first:
        credential = deploy(first)
        before = protocol.verify_bundle(credential, bundle(first, credential).body.decode())
        backup = tmp_path / "backup.sql"
        backup.write_bytes(dump(database))
    restored = new_database()
    try:
        run_sql(restored, f"\\i {backup}",
                f"UPDATE {CATALOG}.settings SET value = 'restored' WHERE name = 'server_timeline'")
        with server_beside(first, tmp_path / "second", database=restored) as second:
            second.start()
            answer = wait_for(lambda: sequence(second, credential) > before["sequence"] and bundle(second, credential),
                              30, "the raised sequence in the region")
        assert protocol.open_bundle(credential, answer.body.decode()) == {b"GREETING": b"hello"}
    finally:
        drop_database(restored)


def sequence(server, credential):
    return protocol.verify_bundle(credential, bundle(server, credential).body.decode())["sequence"]


# Servers of two versions


class Load:
    """Writes, deploys and fetches bundles on each server in turn, until the block is left. `statuses` counts answers by
    server, request and status. `faults` has requests without an answer, such as those whose connection was cut."""

    def __init__(self, servers, credential):
        self.statuses = collections.Counter()
        self.faults = []
        self.rounds = 0
        self._servers = servers
        self._credential = credential
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(2)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number):
        while not self._done.is_set():
            for name, server in list(self._servers.items()):
                try:
                    self._ask(number, name, server)
                except Exception as fault:  # otherwise the thread would end, and the test pass
                    self.faults.append((name, repr(fault)))
            self.rounds += 1

    def _ask(self, number, name, server):
        rest = server.rest()
        self._count(name, "write", rest.put_secrets("set1", **{f"KEY_{number}": str(self.rounds)}).status)
        self._count(name, "deploy", rest.redeploy("bot", secretSet="set1").status)
        self._count(name, "bundle", bundle(server, self._credential).status)

    def _count(self, *what):
        self.statuses[what] += 1

    def wait_for_rounds(self, count):
        aim = self.rounds + count
        wait_for(lambda: self.rounds >= aim, 120, f"{count} rounds", interval=0.1)

    def check(self):
        """Only documented answers are allowed: a deploy of a set that is not ready yet is answered 409."""
        expected = {"write": {202}, "deploy": {200, 409}, "bundle": {200}}
        assert [what for what in self.statuses if what[2] not in expected[what[1]]] == []
        assert self.faults == []


def tables(database, schema):
    name = schema.strip('"')
    return run_sql(database, f"SELECT tablename FROM pg_tables WHERE schemaname = '{name}' ORDER BY 1").split()


def migrate_as_a_newer_version(database):
    """Makes the changes that a migration may make: a column in each table, and a table that references the agents."""
    for schema in (CATALOG, REGION):
        run_sql(database, "SET lock_timeout = '10s'",
                *(f"ALTER TABLE {schema}.{table} ADD COLUMN of_a_newer_version bigint NOT NULL DEFAULT 7"
                  for table in tables(database, schema)),
                f"CREATE TABLE {schema}.newer (agent bigint REFERENCES {schema}.agents ON DELETE CASCADE)",
                f"CREATE INDEX newer_agents ON {schema}.agents (of_a_newer_version)",
                f"INSERT INTO {schema}.migrations (version, name) SELECT max(version) + 1, 'newer' FROM {schema}.migrations")


def test_a_server_keeps_serving_after_a_newer_version_has_changed_the_schema(database, tmp_path):
    with ControlPlane(tmp_path / "first", database=database) as first:
        with Load({"older": first}, deploy(first)) as load:
            load.wait_for_rounds(5)
            migrate_as_a_newer_version(database)
            load.wait_for_rounds(20)
        load.check()
        assert "error" not in {line["level"] for line in first.log_lines()}
        wait_for(lambda: first.rest().request("GET", "/readyz").status == 200, 20, "the server being ready")
        # docs/OPERATIONS.md says that a server of the old version cannot start now.
        refused = first.run("serve", "--listen=127.0.0.1:0", check=False)
        assert refused.returncode == 1 and "written by a newer version" in refused.stderr


class Older(ControlPlane):
    def command(self, *arguments):
        program = pathlib.Path(os.environ["AGENT_SECRETS_OLDER_BUILD"]) / "control-plane" / "secret-control-plane"
        return [str(program.resolve()), *super().command(*arguments)[1:]]


@pytest.mark.skipif("AGENT_SECRETS_OLDER_BUILD" not in os.environ, reason="$AGENT_SECRETS_OLDER_BUILD is not set")
def test_an_older_version_and_this_one_serve_side_by_side_for_a_minute(database, tmp_path):
    with Older(tmp_path / "older", database=database) as older:
        servers = {"older": older}
        with server_beside(older, tmp_path / "newer") as newer, Load(servers, deploy(older)) as load:
            newer.serve_options = ["--accept-uncoded-rows"]
            load.wait_for_rounds(5)
            newer.start()
            servers["newer"] = newer
            time.sleep(60)  # how long both versions must work under load
        load.check()
        for server in (older, newer):
            assert [line for line in server.log_lines() if line["level"] == "error"] == []
        older.stop()
        newer.run("authority", "adopt")
        newer.serve_options = []
        newer.restart()
        assert newer.rest().org("GET", "services").status == 200
        newer.run("authority", "check")
        print(load.rounds, sorted(load.statuses.items()))
