#!/usr/bin/python3
"""Measures durable writes and bundles a second on SQLite and on PostgreSQL, and compares them with pgbench and fsync.

Each round measures, for each number of clients and on one server: pgbench's TPC-B; the same number of clients that
write keys over REST, each to its own set (all in one organization, on PostgreSQL and on SQLite); and fsync alone.
Bundles are compared with pgbench's SELECT of one row. The figures are the medians of the rounds. With each rate it
prints the processor time of one operation, which depends less on other load on the machine.
Usage: tests/bench/database.py [--clients 1,16,64] [--seconds 5] [--rounds 3] [--scale 16]
"""

import argparse
import collections
import os
import pathlib
import statistics
import tempfile
import time

import bench_support  # noqa: F401  (finds the support code)
import database_load
from support.postgresql import PostgresServer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", default="1,16,64", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--seconds", type=int, default=5, help="the duration of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=int, default=16, help="the scale of pgbench (its number of branches)")
    options, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="agent-secrets-bench.") as name, durable_server() as server:
        directory = pathlib.Path(name)
        pgbench = database_load.Pgbench(server, options.scale)
        with database_load.served(directory / "postgresql", max(options.clients), server) as postgresql, \
                database_load.served(directory / "sqlite", max(options.clients)) as sqlite:
            for kind, request in (("write", postgresql.write_once), ("bundle", postgresql.fetch_once)):
                print(f"round trips to the database for one {kind}: {postgresql.round_trips(request):.1f}", flush=True)
            Measurement(options, directory, server).run(pgbench, {"PostgreSQL": postgresql, "SQLite": sqlite})


def durable_server():
    """A PostgreSQL server with durable commits, which logs the SQLSTATE of each refused statement."""
    return PostgresServer(fsync="on", max_connections=200, log_line_prefix="'state=%e '")


class Measurement:
    def __init__(self, options, directory, server):
        self._options = options
        self._directory = directory
        self._server = server
        self._figures = collections.defaultdict(list)  # one for each round

    def run(self, pgbench, stores):
        for _ in range(self._options.rounds):
            self._figures["fsync"].append(fsyncs(self._directory / "floor", self._options.seconds))
            for clients in self._options.clients:
                self._measure("TPC-B", clients, pgbench.processor_time, pgbench.transactions)
                self._measure("SELECT", clients, pgbench.processor_time, pgbench.selects)
                for name, store in stores.items():
                    self._measure(f"writes on {name}", clients, store.processor_time, store.writes)
                    self._measure(f"bundles on {name}", clients, store.processor_time, store.bundles)
        print(f"fsync of one appended page: {self._median('fsync'):.0f} a second")
        for clients in self._options.clients:
            for kind, floor in (("writes", "TPC-B"), ("bundles", "SELECT")):
                self._show(clients, kind, floor)

    def _measure(self, what, clients, processor_time, load):
        """Records the rate, the processor time of one operation in ms, and the refusals by conflicts."""
        refused, used = self._refused(), processor_time.used()
        rate = load(clients, self._options.seconds)
        count = rate * self._options.seconds
        self._figures[what, clients, "rate"].append(rate)
        self._figures[what, clients, "ms"].append((processor_time.used() - used) / count * 1000)
        self._figures[what, clients, "refused"].append((self._refused() - refused) / count)

    def _show(self, clients, kind, floor):
        all_three = (floor, f"{kind} on PostgreSQL", f"{kind} on SQLite")
        rates = {what: self._median(what, clients, "rate") for what in all_three}
        times = {what: self._median(what, clients, "ms") for what in rates}
        shown = ", ".join(f"{what} {rates[what]:6.0f} a second ({times[what]:.2f} ms)" for what in rates)
        ours = f"{kind} on PostgreSQL"
        print(f"{clients:2} clients: {shown}; PostgreSQL ÷ pgbench {rates[ours] / rates[floor]:.2f} by rate, "
              f"{times[floor] / times[ours]:.2f} by processor time; "
              f"{self._median(ours, clients, 'refused'):.3f} refused and repeated for each write or bundle")

    def _median(self, *key):
        return statistics.median(self._figures[key if len(key) > 1 else key[0]])

    def _refused(self):
        """The number of statements that the server has refused because of another transaction: 40001 and 40P01."""
        log = (self._server.directory / "log").read_text(errors="replace")
        return log.count("state=40001 ERROR") + log.count("state=40P01 ERROR")


def fsyncs(path, seconds):
    """The number of appends a second of one page, each followed by fsync."""
    with open(path, "wb", buffering=0) as file:
        end = time.monotonic() + seconds
        count = 0
        while time.monotonic() < end:
            file.write(bytes(4096))
            os.fsync(file.fileno())
            count += 1
    return count / seconds


if __name__ == "__main__":
    main()
