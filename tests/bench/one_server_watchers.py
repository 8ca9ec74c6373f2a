#!/usr/bin/python3
"""Measures how soon thousands of long polls at one server (SQLite) are answered after a change, and their memory.

The times count from the answer to the write. No poll is repeated before all are answered. The processor time is that of
the server, from before the write until all are answered. The load generator runs on the same machine, in one thread, and
takes a part of each time itself.
Usage: tests/bench/one_server_watchers.py [--watchers 10000,20000] [--changes 3]
"""

import argparse
import asyncio
import pathlib
import re
import resource
import tempfile
import time

import bench_support
from processor_time import ProcessorTime
from support import protocol
from support.control_plane import ControlPlane
from watch_load import Watchers

# Only two polls of one credential are answered at a time (docs/limits.md), so the polls share several credentials.
CREDENTIALS = 16
SPARE = 1000  # connections and descriptors


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watchers", default="10000,20000", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--changes", type=int, default=3, help="the number of changes; the medians are printed")
    options, _ = parser.parse_known_args()
    connections = max(options.watchers) * 5 // 4 + SPARE  # one credential gets four fifths of what the others leave
    allow_descriptors(connections + SPARE)
    with tempfile.TemporaryDirectory(prefix="agent-secrets-bench.") as name:
        with ControlPlane(pathlib.Path(name) / "control-plane",
                          serve_options=["--max-connections", str(connections)]) as control_plane:
            texts = [bench_support.bind_agent(control_plane, {"KEY": "value 0"})]
            texts += [control_plane.issue_credential(bench_support.AGENT) for _ in range(CREDENTIALS - 1)]
            credentials = [protocol.Credential.parse(text) for text in texts]
            time.sleep(1)  # until the last credentials are in the region
            for count in options.watchers:
                asyncio.run(measure(control_plane, credentials, count, options.changes))


def allow_descriptors(number):
    """Root may raise the hard limit too."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, max(hard, number)))


async def measure(control_plane, credentials, count, changes):
    process = control_plane.process.pid
    before = resident_kilobytes(process)
    told, used = [], []
    async with Watchers([control_plane], credentials, count) as watchers:
        for change in range(changes):
            await watchers.park()
            await asyncio.sleep(2)  # until the work of the new polls has ended
            parked = resident_kilobytes(process)
            began = ProcessorTime(process).used()
            answered = await asyncio.to_thread(write, control_plane, f"{count} {change}")
            await watchers.wait_told()
            told.append(sorted(moment - answered for moment in watchers.told()[0]))
            used.append(ProcessorTime(process).used() - began)
    middle = sorted(told, key=lambda moments: moments[int(count * 0.99) - 1])[changes // 2]
    print(f"{count:5} watchers: 99 % answered {middle[int(count * 0.99) - 1]:.2f} s after the write, all after "
          f"{middle[-1]:.2f} s; {sorted(used)[changes // 2]:.2f} s of processor time for one change; "
          f"{(parked - before) / count:.1f} KB each", flush=True)


def write(control_plane, value):
    """Writes with an array, which is provisioned at once; returns when the write was answered (time.monotonic())."""
    assert control_plane.rest().put_secrets(bench_support.SET, KEY=value).status == 202
    return time.monotonic()


def resident_kilobytes(process):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process}/status").read_text())[1])


if __name__ == "__main__":
    main()
