#!/usr/bin/python3
"""Measures what strict audit costs: bundles a second with a record written before each answer (strict, the default) and
with records written later (--audit-bundles=best-effort), in one run on the same disk.

Two control planes on SQLite, over TLS on kept connections. Each round measures both, in random order, for each number
of connections, and fsync alone. wrk repeats one signed request: a proof may be replayed for 300 seconds.
Usage: tests/bench/audit_cost.py [--connections 1,16,64] [--seconds 4] [--rounds 5] [--directory DIR]
"""

import argparse
import collections
import contextlib
import pathlib
import random
import re
import statistics
import subprocess
import tempfile

import bench_support
from database import fsyncs
from processor_time import ProcessorTime
from support import protocol
from support.control_plane import ControlPlane, Tls
from support.tls import Authority

MODES = {"strict": (), "best effort": ("--audit-bundles=best-effort",)}
VALUES = {f"API_KEY_{number:02}": "v" * 320 for number in range(12)}


class Served:
    """A control plane in one of the modes, and the request that is repeated."""

    def __init__(self, control_plane):
        credential = protocol.Credential.parse(bench_support.bind_agent(control_plane, VALUES))
        self._url = control_plane.url + protocol.BUNDLE
        self._authorization = protocol.proof(credential, protocol.BUNDLE)
        self._time = ProcessorTime(control_plane.process.pid)

    def bundles(self, connections, seconds):
        """A second, and the processor time of each in ms."""
        before = self._time.used()
        printed = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Authorization: {self._authorization}", self._url],
            capture_output=True, text=True, check=True).stdout
        assert "Non-2xx" not in printed, printed
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])
        return rate, (self._time.used() - before) / (rate * seconds) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=lambda text: [int(word) for word in text.split(",")], default=[1, 16, 64])
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", help="on the disk to measure")
    options, _ = parser.parse_known_args()
    figures = collections.defaultdict(list)
    with tempfile.TemporaryDirectory(dir=options.directory) as name, contextlib.ExitStack() as ended:
        directory = pathlib.Path(name)
        authority = Authority(directory / "ca")
        tls = Tls(*authority.server_certificate(), authority.certificate)
        served = {mode: Served(ended.enter_context(ControlPlane(
            directory / mode.replace(" ", "-"), tls=tls, serve_options=serve_options)))
            for mode, serve_options in MODES.items()}
        for _ in range(options.rounds):
            figures["fsync"].append(fsyncs(directory / "floor", 1))
            for connections in options.connections:
                for mode in random.sample(list(served), len(served)):
                    figures[mode, connections].append(served[mode].bundles(connections, options.seconds))
    show(figures, options)


def show(figures, options):
    print(f"fsync of one appended page: {statistics.median(figures['fsync']):.0f} a second; "
          f"medians of {options.rounds} rounds of {options.seconds} s")
    for connections in options.connections:
        rates = {mode: statistics.median(rate for rate, _ in figures[mode, connections]) for mode in MODES}
        times = {mode: statistics.median(time for _, time in figures[mode, connections]) for mode in MODES}
        shown = ", ".join(f"{mode} {rates[mode]:6.0f} a second ({times[mode]:.2f} ms)" for mode in MODES)
        print(f"{connections:4} connections: {shown}, ratio {rates['strict'] / rates['best effort']:.2f}")


if __name__ == "__main__":
    main()
