"""Faults of a PostgreSQL server that is in use, and processes that are stopped or have wrong clocks. During a fault,
valid requests are answered 503 with Retry-After. No acknowledged write is lost, and the servers recover without a
restart."""

import contextlib
import pathlib
import signal
import subprocess
import threading
import time

import pytest

from support import programs, protocol
from support.control_plane import ControlPlane, ControlPlaneFailed
from support.pgbouncer import PgBouncer
from support.postgres_proxy import PostgresProxy
from support.postgresql import PostgresServer, run_sql, with_parts
from support.replicas import replica_of, served, served_value
from support.small_disk import mounted, take_all_room
from support.wait import wait_for

FAKETIME = next(iter(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
BINARY = programs.control_plane_program().read_bytes() if programs.control_plane_program().exists() else b""
OURS = "application_name = 'secret-control-plane'"


@contextlib.contextmanager
def own_server(**settings):
    """A separate PostgreSQL server, and the URL of a database on it. The URL's role is no superuser."""
    with PostgresServer(**settings) as server:
        server.sql("CREATE ROLE me LOGIN PASSWORD 'x'", "CREATE DATABASE mine OWNER me")
        yield server, with_parts(server.url, database="mine", user="me")


def socket_of(url):
    return pathlib.Path(url.partition("host=")[2]) / ".s.PGSQL.5432"


def through(url, proxy):
    return url.replace(str(socket_of(url).parent), str(proxy.directory))


def end_connections(sql):
    sql(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {OURS}")


def assert_passing(answer):
    """The answer says that the client may try again later."""
    assert answer.status == 503 and "Retry-After" in answer.headers, (answer.status, answer.text)


def put(rest, name="bot-secrets", **pairs):
    """Repeats a write until it is acknowledged. Every other answer must say that the client may try again."""
    def acknowledged():
        answer = rest.put_secrets(name, **pairs)
        if answer.status != 202:
            assert_passing(answer)
        return answer.status == 202
    wait_for(acknowledged, 60, "an acknowledged write", 0.2)


def is_ready(control_plane):
    return control_plane.rest().request("GET", "/readyz").status == 200


def logged(control_plane, message):
    return [entry for entry in control_plane.log_lines() if message in entry["message"]]


def bound_credential(control_plane, agent="bot", name="bot-secrets"):
    """A credential of a new agent that always gets the newest version of the set."""
    control_plane.wait_ready(name, 30)
    answer = control_plane.rest().deploy(agent, secretSet=name, secretVersion="latest")
    assert answer.status == 200, answer.text
    return protocol.Credential.parse(control_plane.issue_credential(agent))


# Faults of the server


def test_connections_that_end_in_the_middle_of_transactions_lose_no_write(database, tmp_path):
    with ControlPlane(tmp_path / "one", database=database) as control_plane:
        rest = control_plane.rest()
        written = {}
        ended = threading.Event()

        def end_them():
            while not ended.wait(0.2):
                end_connections(lambda sql: run_sql(database, f"{sql} AND datname = current_database()"))

        ending = threading.Thread(target=end_them)
        ending.start()
        try:
            for number in range(40):
                written[f"KEY_{number}"] = str(number)
                put(rest, **{f"KEY_{number}": str(number)})
        finally:
            ended.set()
            ending.join()
        wait_for(lambda: is_ready(control_plane), 20, "the server being ready again")
        assert written.items() <= served(bound_credential(control_plane)).items()


def test_a_lost_answer_to_commit_is_no_error_and_no_second_write(database, tmp_path):
    with PostgresProxy(socket_of(database)) as proxy, \
            ControlPlane(tmp_path / "one", database=through(database, proxy)) as control_plane:
        rest = control_plane.rest()
        for number in range(1, 11):
            proxy.lose_answers(2)  # also answers to the background threads of the process
            assert rest.put_secrets("bot-secrets", A=str(number)).status == 202
            wait_for(lambda: proxy.answers_to_lose == 0, 20, "a lost answer")
        credential = bound_credential(control_plane)
        answer = protocol.watch(credential)
        assert answer.json["latest"]["sets"][0]["version"] == 10
        assert served(credential)["A"] == "10"


def test_requests_are_refused_while_the_server_has_no_free_connection(tmp_path):
    with own_server(max_connections=40, superuser_reserved_connections=15) as (server, url), \
            ControlPlane(tmp_path / "one", database=url, environment={"PGPASSWORD": "x"}) as control_plane, \
            contextlib.ExitStack() as others:
        rest = control_plane.rest()
        put(rest, A="1")

        def take_one():
            """Ends the control plane's connections, and takes one connection."""
            process = others.enter_context(subprocess.Popen(
                ["psql", "--no-psqlrc", "--dbname", url], env=programs.clean_environment(PGPASSWORD="x"),
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            others.callback(process.kill)
            end_connections(server.sql)
            return not is_ready(control_plane)

        wait_for(take_one, 90, "every connection being used", 0.3)
        # The last connection of ours may have ended after the others had stopped to take its place.
        refused = wait_for(lambda: (answer := rest.put_secrets("bot-secrets", A="2")).status != 202 and answer, 30,
                           "a write that gets no connection")
        assert_passing(refused)
        # A slow server is also not ready before it has tried to connect: then the log has the cause later.
        wait_for(lambda: any("too many" in entry.get("cause", "") or "connection slots" in entry.get("cause", "")
                             for entry in control_plane.log_lines()), 30, "the cause in the log")
        others.close()
        put(rest, A="3")
        wait_for(lambda: is_ready(control_plane), 30, "the server being ready again")


def test_a_write_is_refused_when_its_statement_waits_too_long(database, tmp_path):
    """statement_timeout: another session locks a table for longer than a statement may take."""
    with ControlPlane(tmp_path / "one", database=database) as control_plane:
        rest = control_plane.rest()
        put(rest, A="1")
        with subprocess.Popen(
            ["psql", "--no-psqlrc", "--dbname", database, "--command",
             'BEGIN; LOCK TABLE "agent-secrets-catalog".set_values; SELECT pg_sleep(600)'],
            env=programs.clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as locking:
            held = ("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
                    " AND relation = '\"agent-secrets-catalog\".set_values'::regclass")
            wait_for(lambda: int(run_sql(database, held)) == 1, 20, "the lock", 0.1)
            assert_passing(rest.put_secrets("bot-secrets", A="2"))
            run_sql(database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)'"
                              " AND pid <> pg_backend_pid()")
            locking.wait(30)
        put(rest, A="3")
        control_plane.wait_ready("bot-secrets", 30)


def test_writes_are_refused_while_the_disk_of_the_server_is_full(tmp_path):
    """There is no reserve: writes are refused while the disk is full. They succeed when there is room again."""
    with own_server(wal_level="minimal", max_wal_senders=0, min_wal_size="32MB", max_wal_size="64MB") as (server, url):
        server.stop()
        moved = server.directory / "moved"
        with mounted(server.directory / "small", 120) as small:
            subprocess.run(["cp", "--archive", server.data, small / "data"], check=True)
            subprocess.run(["chown", "--reference", server.data, small], check=True)
            server.data.rename(moved)
            server.data.symlink_to(small / "data")
            server.start()
            with ControlPlane(tmp_path / "one", database=url, environment={"PGPASSWORD": "x"}) as control_plane:
                rest = control_plane.rest()
                put(rest, A="1")
                control_plane.wait_ready("bot-secrets", 30)
                filler = take_all_room(small)

                def refused():
                    answer = rest.put_secrets("bot-secrets", B="v" * 60_000)
                    return answer if answer.status != 202 else None

                answer = wait_for(refused, 60, "the disk being full", 0.01)
                assert answer.status in (503, 507), answer.text
                filler.unlink()
                if subprocess.run(["pg_isready", "--quiet", "--dbname", server.url]).returncode != 0:
                    server.start()  # a PostgreSQL server that cannot write its log ends
                put(rest, C="2")
                control_plane.wait_ready("bot-secrets", 30)
                wait_for(lambda: is_ready(control_plane), 30, "the server being ready again")
            server.stop()


def test_a_search_path_in_the_url_has_no_effect(database, tmp_path):
    """The URL's search path begins with another schema, which has tables of the same names."""
    run_sql(database, "CREATE SCHEMA evil", "CREATE TABLE evil.organizations (id bigint, name text)",
            "CREATE TABLE evil.settings (name text, value text)", "CREATE TABLE evil.migrations (version bigint)")
    hostile = database + "&options=-csearch_path%3Devil%2Cpublic"
    with ControlPlane(tmp_path / "one", database=hostile) as control_plane:
        put(control_plane.rest(), A="1")
        control_plane.wait_ready("bot-secrets", 20)
    for table in ("organizations", "settings", "migrations"):
        assert int(run_sql(database, f"SELECT count(*) FROM evil.{table}")) == 0


# Several processes


def sequence_of(credential):
    answer = protocol.fetch_bundle(credential)
    return protocol.verify_bundle(credential, answer.body.decode())["sequence"] if answer.status == 200 else 0


def test_a_failover_that_loses_commits_raises_sequences(tmp_path):
    """Values go back, but sequences rise: no sequence that an instance has seen is used for other content."""
    password = {"environment": {"PGPASSWORD": "x"}}
    with own_server() as (server, url), ControlPlane(tmp_path / "one", database=url, **password) as one, \
            replica_of(one, tmp_path / "two", **password) as two:
        put(one.rest(), A="kept")
        credential = bound_credential(one)
        server.save_data()
        put(two.rest(), A="lost")
        wait_for(lambda: served_value(credential) == "lost", 30, "the value that will be lost", 0.1)
        seen = sequence_of(credential)

        server.fail_over()
        wait_for(lambda: sequence_of(credential) > seen + 1000, 60, "higher sequences", 0.2)
        wait_for(lambda: served_value(credential) == "kept", 10, "the value that was kept", 0.1)
        raised = [line for replica in (one, two) for line in logged(replica, "sequences are raised")]
        assert sorted(line["database"] for line in raised) == ["catalog", "region us-west"]
        put(two.rest(), A="new")
        wait_for(lambda: served_value(credential) == "new", 30, "the next value", 0.1)


def test_a_watch_is_answered_although_notices_are_never_delivered(database, tmp_path):
    with PostgresProxy(socket_of(database)) as proxy:
        with ControlPlane(tmp_path / "one", database=through(database, proxy)) as one, replica_of(one, tmp_path / "two") as two:
            put(one.rest(), A="1")
            credential = bound_credential(one)
            target = protocol.proof(credential, protocol.WATCH, running_sequence=1)
            first = protocol.get(two.url, protocol.WATCH, target)
            assert first.status == 200
            waiting = threading.Timer(1, lambda: put(one.rest(), A="2"))
            waiting.start()
            told = protocol.get(two.url, protocol.WATCH, protocol.proof(credential, protocol.WATCH, running_sequence=1),
                                Prefer="wait=40", If_None_Match=first.headers["etag"])
            waiting.join()
            assert told.status == 200  # 304 would mean that it was not woken
            assert proxy.dropped > 0


def test_pgbouncer_in_transaction_mode_works_or_is_refused_with_a_hint(database, tmp_path):
    pooler = PgBouncer(database)
    with pooler as url:
        control_plane = ControlPlane(tmp_path / "one", database=url)
        if not pooler.knows_prepared_statements:
            with pytest.raises(ControlPlaneFailed, match="PgBouncer in transaction mode has to be 1.21 or later"):
                control_plane.init()
            return
        with control_plane, replica_of(control_plane, tmp_path / "two") as two:
            put(control_plane.rest(), A="1")
            two.wait_ready("bot-secrets", 30)
            put(two.rest(), A="2")
            control_plane.wait_ready("bot-secrets", 30)


def test_a_process_that_is_stopped_longer_than_its_lease_gives_the_lease_up_when_it_continues(database, tmp_path):
    with ControlPlane(tmp_path / "one", database=database) as one, replica_of(one, tmp_path / "two") as two:
        put(one.rest(), A="1")
        credential = bound_credential(one)
        one.process.send_signal(signal.SIGSTOP)
        try:
            put(two.rest(), A="2")
            wait_for(lambda: [line for line in logged(two, "lease taken") if line["work"].startswith("provisioner:")],
                     40, "the other process taking the lease", 0.2)
            two.wait_ready("bot-secrets", 30)
        finally:
            one.process.send_signal(signal.SIGCONT)
        wait_for(lambda: logged(one, "lease lost"), 30, "the stopped process giving up", 0.2)
        put(one.rest(), A="3")
        two.wait_ready("bot-secrets", 30)
        # The process that answers reads the change that the other process has made.
        wait_for(lambda: served_value(credential) == "3", 10, "the newest value", 0.2)
        assert len([line for line in logged(one, "lease taken") if line["work"].startswith("provisioner:")]) == 1


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")
@pytest.mark.skipif(b"__asan_init" in BINARY, reason="libfaketime does not work with the runtime of AddressSanitizer")
def test_servers_whose_clocks_differ_by_a_minute_work_together(database, tmp_path):
    def clock(offset):
        return {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"{offset:+}s", "DONT_FAKE_MONOTONIC": "1"}

    with ControlPlane(tmp_path / "one", database=database, environment=clock(-30)) as one, \
            replica_of(one, tmp_path / "two", environment=clock(+30)) as two:
        put(one.rest(), A="1")
        credential = bound_credential(one)
        for number in range(4):
            put((one, two)[number % 2].rest(), A=str(number))
            (two, one)[number % 2].wait_ready("bot-secrets", 30)
        wait_for(lambda: served_value(credential) == "3", 10, "the newest value", 0.2)
        time.sleep(12)  # longer than a lease without a renewal
        wait_for(lambda: is_ready(one) and is_ready(two), 10, "both being ready", 0.2)
        holders = [line for server in (one, two) for line in logged(server, "lease taken")
                   if line["work"] == "provisioner:us-west"]
        assert len(holders) == 1  # no server has taken the lease from the other
