"""Instances that fetch their values while keys are rotated, and what is under each key."""

import collections
import json
import threading
import time

from support.replicas import served
from support.wait import wait_for

FETCHERS = 3


class Fetches:
    """Fetches one bundle after the other until the block is left. `faults` has every answer that is not the values."""

    def __init__(self, credential, url=None):
        self.done = 0
        self.faults = []
        self.slowest = 0.0
        self._credential, self._url = credential, url
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(FETCHERS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()

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
