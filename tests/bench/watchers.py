#!/usr/bin/python3
"""Measures how soon long polls at two replicas are answered after a change, and counts the queries to PostgreSQL.

Two replicas use one database, and each has the same number of long polls of one agent. A write at the first replica
changes the agent. The times until the polls are answered count from the beginning of the write. No poll is repeated
before all are answered, so that queries for the change and queries for new polls are counted separately
(pg_stat_statements). The second part is the same with replicas whose notices the server accepts but never delivers,
as behind PgBouncer in transaction mode.
Usage: tests/bench/watchers.py [--watchers 10,1000,5000] [--changes 3]
"""

import argparse
import asyncio
import contextlib
import pathlib
import resource
import tempfile
import time

import bench_support
from support import protocol
from support.control_plane import ControlPlane
from support.postgresql import PostgresServer, with_parts
from watch_load import Watchers

# Only two polls of one credential are answered at a time (docs/limits.md), so the polls share several credentials.
CREDENTIALS = 16
# The server finds the code of its own function by the number of the function, so another function takes the name.
NO_NOTICES = ("SET allow_system_table_mods = on", "ALTER FUNCTION pg_catalog.pg_notify(text, text) RENAME TO unused",
              "CREATE FUNCTION pg_catalog.pg_notify(text, text) RETURNS void LANGUAGE sql AS ''")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watchers", default="10,1000,5000", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--changes", type=int, default=3, help="the number of changes; the medians are printed")
    options, _ = parser.parse_known_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for notices in (True, False):
        with contextlib.ExitStack() as stack:
            directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="agent-secrets-bench.")))
            server = stack.enter_context(PostgresServer(
                fsync="on", max_connections=100, shared_preload_libraries="pg_stat_statements",
                **{"pg_stat_statements.track_utility": "off"}))
            server.sql("CREATE DATABASE agent_secrets", "CREATE EXTENSION pg_stat_statements")
            if not notices:
                server.sql(*NO_NOTICES, database="agent_secrets")
            scene = Scene(two_replicas(stack, directory, server))
            asyncio.run(measure(options, server, scene, "with notices" if notices else "without notices"))


def two_replicas(stack, directory, server):
    made = {"database": with_parts(server.url, database="agent_secrets"),
            "environment": {"PGPASSWORD": server.PASSWORD}, "serve_options": ["--max-connections", "8192"]}
    first = stack.enter_context(ControlPlane(directory / "a", **made))
    second = ControlPlane(directory / "b", **made)
    second.directory.mkdir()
    second.master_key_file, second.token = first.master_key_file, first.token
    second.start()
    stack.callback(second.kill)
    return first, second


class Scene:
    """The replicas, and the credentials of the watched agent."""

    def __init__(self, replicas):
        self.replicas = replicas
        self.rest = replicas[0].rest()
        self._changes = 0
        texts = [bench_support.bind_agent(replicas[0], {"KEY": "value 0"})]
        texts += [replicas[0].issue_credential(bench_support.AGENT) for _ in range(CREDENTIALS - 1)]
        self.credentials = [protocol.Credential.parse(text) for text in texts]

    def change(self):
        """Writes with an array, which is provisioned at once: each poll is answered 200, with a new `latest`."""
        self._changes += 1
        assert self.rest.put_secrets(bench_support.SET, KEY=f"value {self._changes}").status == 202


async def measure(options, server, scene, notices):
    for count in options.watchers:
        async with Watchers(scene.replicas, scene.credentials, count) as watchers:
            await show(options.changes, server, scene, watchers, f"{count:5} watchers each, {notices}")


async def show(changes, server, scene, watchers, what):
    at_b, all_told, for_change, for_polls = [], [], [], []
    for _ in range(changes):
        await watchers.park()
        await asyncio.sleep(2)  # until the queries of the new polls have ended
        reset_queries(server)
        began = time.monotonic()
        await asyncio.to_thread(scene.change)
        await watchers.wait_told()
        told = [sorted(moment - began for moment in moments) for moments in watchers.told()]
        at_b.append(told[1][int(len(told[1]) * 0.99) - 1])
        all_told.append(max(told[0][-1], told[1][-1]))
        await asyncio.sleep(2)
        for_change.append(queries(server))
        reset_queries(server)
        await watchers.park()
        await asyncio.sleep(2)
        for_polls.append(queries(server) / watchers.number)
    middle = changes // 2
    print(f"{what}: 99 % at the second replica answered after {sorted(at_b)[middle]:.2f} s, "
          f"all after {sorted(all_told)[middle]:.2f} s; "
          f"{sorted(for_change)[middle]} queries from the write until 2 s later, and "
          f"{sorted(for_polls)[middle]:.1f} for each new poll", flush=True)


def reset_queries(server):
    server.sql("SELECT pg_stat_statements_reset()")


def queries(server):
    """The number of queries of both replicas, without the queries of this benchmark."""
    return int(server.sql("SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s"
                          " JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = 'agent_secrets'"))


if __name__ == "__main__":
    main()
