#!/usr/bin/python3
"""Measures the time from the 202 for a changed value to the sidecar's flag, split when the version turns ready.

An array write, which is provisioned at once; a single-key write adds the quiet period of 500 ms.
"""

import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import bench_support
from support import programs
from support.wait import wait_for

ROUNDS = 20


def main():
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        with bench_support.tls_control_plane(directory) as control_plane:
            credential = directory / "credential"
            credential.write_text(bench_support.bind_agent(control_plane, {"KEY": "value 0"}))
            credential.chmod(0o600)
            state = directory / "state"
            state.mkdir()
            bot = subprocess.Popen(
                [programs.injector_program(), "--credential-file", credential, "--state-dir", state,
                 "--sidecar", "--", "/bin/sleep", "600"],
                env=programs.clean_environment(), stderr=subprocess.DEVNULL)
            try:
                measure(control_plane, state / "redeploy.json")
            finally:
                bot.kill()
                bot.wait()


def measure(control_plane, flag):
    rest = control_plane.rest()
    wait_for(lambda: (flag.parent / "sidecar.json").exists(), what="the sidecar's first answer")
    latencies = []
    for number in range(1, ROUNDS + 1):
        time.sleep(2.2)  # longer than the sidecar's pause after a change
        assert rest.put_secrets(bench_support.SET, KEY=f"value {number}").status == 202
        start = time.perf_counter()
        wait_for(lambda: flagged_version(flag) == number + 1, interval=0.0005, what="the flag")
        latencies.append((time.perf_counter() - start) * 1000)
    print(f"202 → redeploy.json  median {statistics.median(latencies):.1f} ms  "
          f"min {min(latencies):.1f}  max {max(latencies):.1f}  ({ROUNDS} changes)")


def flagged_version(flag):
    try:
        return json.loads(flag.read_text())["latest"]["sets"][0]["version"]
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    main()
