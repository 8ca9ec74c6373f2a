#!/usr/bin/python3
"""Measures how long one organization waits with and without hostile clients, in one run.

The load: 1,000 sockets without a token (half idle, half announcing a body of 4 MiB), one credential with as
many long polls as possible, one organization that writes as fast as possible; then 1,000 connections that
request a bundle of 1.8 MB and read nothing. Fails when a p99 is over three times the p99 without the load, or
the server's memory over 200 MiB.
"""

import argparse
import pathlib
import re
import statistics
import sys
import tempfile
import time

import bench_support  # noqa: F401  (finds the support code)
from support import protocol
from support.control_plane import ControlPlane
from support.hostile_clients import GreedyWriter, HostileClients, resident_mib
from support.rest import Rest

RATIO_MAX = 3
RESIDENT_MAX_MIB = 200
LARGE = {f"LARGE_{number:02}": "v" * 100_000 for number in range(10)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=300, help="of each kind and phase")
    parser.add_argument("--polls", type=int, default=3500, help="long polls that the credential tries to hold")
    options, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as name, ControlPlane(pathlib.Path(name) / "cp") as control_plane:
        sys.exit(0 if measure(control_plane, options) else 1)


def measure(control_plane, options):
    hostile, victim = hostile_credential(control_plane), Victim(control_plane)
    polls = {"poll": (protocol.WATCH, protocol.proof(hostile, protocol.WATCH))}
    deaf = {"deaf": (protocol.BUNDLE, protocol.proof(hostile, protocol.BUNDLE))}
    port, memory = control_plane.port, Memory(control_plane.process.pid)

    alone = victim.measure(options.requests)
    memory.sample()
    counts = {"idle": 500, "promise": 500, "poll": options.polls}
    with HostileClients(port, counts, polls, source="127.0.0.2") as clients:
        with GreedyWriter(port, control_plane.organization, control_plane.token):
            time.sleep(counts["poll"] / 1000 + 2)
            among = victim.measure(options.requests, memory)
            print("held by the hostile clients:", clients.held())
    with HostileClients(port, {"deaf": 1000}, deaf, source="127.0.0.2") as clients:
        time.sleep(3)
        beside = victim.measure(options.requests, memory)
        print("held by the hostile clients:", clients.held())
    time.sleep(2)

    good = True
    for kind in ("write", "bundle"):
        for scene, times in (("", among), (", unread answers", beside)):
            good &= show(kind + scene, alone[kind], times[kind])
    print(f"resident memory: {memory.first:.0f} MiB alone, at most {memory.most:.0f} MiB, "
          f"{memory.sample():.0f} MiB after they left")
    return good and memory.most <= RESIDENT_MAX_MIB


def show(what, alone, among):
    ratio = p99(among) / p99(alone)
    print(f"{what:24} alone p50 {statistics.median(alone):6.1f} p99 {p99(alone):6.1f} ms   among hostile clients "
          f"p50 {statistics.median(among):6.1f} p99 {p99(among):6.1f} ms   p99 {ratio:.1f} x")
    return ratio <= RATIO_MAX


def p99(times):
    return sorted(times)[int(len(times) * 0.99)]


class Memory:
    def __init__(self, pid):
        self._pid = pid
        self.first = self.most = resident_mib(pid)

    def sample(self):
        now = resident_mib(self._pid)
        self.most = max(self.most, now)
        return now


def hostile_credential(control_plane):
    """The credential of an agent with a bundle of 1.8 MB, in the greedy organization."""
    rest = control_plane.rest()
    assert rest.put_secrets("hostile-secrets", **LARGE).status == 202
    control_plane.wait_ready("hostile-secrets")
    assert rest.deploy("hostile", secretSet="hostile-secrets").status == 200
    return protocol.Credential.parse(control_plane.issue_credential("hostile"))


class Victim:
    """The other organization: each request on a new connection, as from a pipeline and a start."""

    def __init__(self, control_plane):
        control_plane.run("organization", "add", "quiet")
        printed = control_plane.run("token", "create", "ci", "--organization", "quiet").stdout
        token = re.search(r"pcc_pat_[A-Za-z0-9_-]+", printed)[0]
        self._rest = Rest(control_plane.url, token, "quiet")
        values = {f"API_KEY_{number:02}": "v" * 320 for number in range(12)}
        assert self._rest.put_secrets("bot-secrets", **values).status == 202
        while self._rest.set_status("bot-secrets") != "ready":
            time.sleep(0.05)
        assert self._rest.deploy("bot", secretSet="bot-secrets").status == 200
        text = control_plane.run("credential", "issue", "bot", "--organization", "quiet").stdout.strip()
        self._credential = protocol.Credential.parse(text)

    def measure(self, requests, memory=None):
        """{kind: [milliseconds]}"""
        times = {"write": [], "bundle": []}
        for number in range(requests):
            times["write"].append(self._timed(lambda: self._write(number)))
            times["bundle"].append(self._timed(self._bundle))
            time.sleep(0.02)
            if memory and number % 10 == 0:
                memory.sample()
        return times

    @staticmethod
    def _timed(action):
        began = time.monotonic()
        action()
        return (time.monotonic() - began) * 1000

    def _write(self, number):
        answer = self._rest.put_secrets("written", KEY=str(number))
        assert answer.status == 202, answer

    def _bundle(self):
        answer = protocol.fetch_bundle(self._credential)
        assert answer.status == 200, answer


if __name__ == "__main__":
    main()
