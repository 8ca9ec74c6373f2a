"""Instances that fetch their values while keys are rotated, and what is under each key."""

import collections
import contextlib
import json
import sqlite3
import threading
import time

from support import postgresql
from support.background import BackgroundThreads
from support.replicas import served
from support.wait import wait_for

FETCHERS = 3


class Fetches(BackgroundThreads):
    """Fetches one bundle after the other until the block is left. `faults` has every answer that is not the values."""

    def __init__(self, credential, url=None):
        self.done = 0
        self.faults = []
        self.slowest = 0.0
        self._credential, self._url = credential, url
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(FETCHERS)]

    def _run(self):
        while not self._ended.is_set():
            begun = time.monotonic()
            try:
                values = served(self._credential, self._url)
            except Exception as error:  # an answer that does not verify
                values = repr(error)
            self.slowest = max(self.slowest, time.monotonic() - begun)
            if values == {"GREETING": "hello"}:
                self.done += 1
            else:
                self.faults.append(values)

    def wait_for_more(self, count=30):
        """Until each rotation was followed by fetches."""
        enough = self.done + count
        wait_for(lambda: self.done >= enough or self.faults, 60, "fetches")


def keys(control_plane):
    """{purpose: [row of `rotate status`, …]}"""
    by_purpose = collections.defaultdict(list)
    for row in json.loads(control_plane.run("rotate", "status", "--json").stdout):
        by_purpose[row["purpose"]].append(row)
    return by_purpose


def rows_under(control_plane):
    """{id of a data key: number of rows under it}, as the databases have it, also under keys that are not listed."""
    found = collections.Counter()
    for store, table in (("catalog", "set_values"), ("region-us-west", "set_values"),
                         ("region-us-west", "value_fingerprints")):
        query = f"SELECT key_id, count(*) FROM {{}}{table} GROUP BY key_id"
        if control_plane.database:
            printed = postgresql.run_sql(control_plane.database, query.format(f'"agent-secrets-{store}".'))
            rows = [line.split("|") for line in printed.split()]
        else:
            with contextlib.closing(sqlite3.connect(control_plane.data_dir / f"{store}.db", timeout=30)) as database:
                rows = database.execute(query.format("")).fetchall()
        for key, count in rows:
            found[key] += int(count)
    return found
