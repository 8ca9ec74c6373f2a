#!/usr/bin/python3
"""Measures how long a server that has just started needs to serve 1,000 instances that start within one second.

The server is killed and started again, so that nothing is prepared. Each instance fetches its bundle over a new TLS
connection. An instance that is refused with Retry-After waits and tries again, and is counted. Fails when an instance
is served later than 3 s after the beginning of the storm, or when a refusal is not 429 or 503 with Retry-After.
Usage: tests/bench/storm.py [--instances 1000] [--rounds 3]
"""

import argparse
import pathlib
import sys
import tempfile
import time

import bench_support
from processor_time import ProcessorTime
from support import protocol, start_storm

VALUES = {f"API_KEY_{number:02}": "v" * 320 for number in range(12)}
CREDENTIALS = 50
WITHIN = 1.0
LIMIT = 3.0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="agent-secrets-bench.") as name:
        with bench_support.tls_control_plane(pathlib.Path(name)) as control_plane:
            texts = [bench_support.bind_agent(control_plane, VALUES)]
            texts += [control_plane.issue_credential(bench_support.AGENT) for _ in range(CREDENTIALS - 1)]
            time.sleep(1)  # until the last credentials are in the region
            credentials = [protocol.Credential.parse(text) for text in texts]
            good = [storm(control_plane, credentials, options.instances) for _ in range(options.rounds)]
    return 0 if all(good) else 1


def storm(control_plane, credentials, instances):
    control_plane.kill()
    control_plane.start()
    used = ProcessorTime(control_plane.process.pid)
    before = used.used()
    starts = start_storm.run(control_plane, credentials, instances, WITHIN)
    milliseconds = (used.used() - before) * 1000 / instances
    last, refusals = start_storm.served_last(starts), start_storm.refusals(starts)
    times = sorted(start.served - start.began for start in starts if start.served is not None)
    print(f"{instances} instances within {WITHIN:.0f} s: the last is served after "
          f"{'never' if last is None else f'{last:.2f} s'}, a fetch takes p50 {times[len(times) // 2] * 1000:.0f} ms, "
          f"p99 {times[int(len(times) * 0.99)] * 1000:.0f} ms; {len(refusals)} refusals {sorted(set(map(str, refusals)))}; "
          f"{milliseconds:.2f} ms of the server's processor time each", flush=True)
    return last is not None and last <= LIMIT and set(refusals) <= {429, 503}


if __name__ == "__main__":
    sys.exit(main())
