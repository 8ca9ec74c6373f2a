#!/usr/bin/python3
"""Measures bundles a second from one control plane, beside its 404 answers, which read no data, in one run.

wrk repeats one signed request: a proof may be replayed for 300 seconds, so the server does all work each time.
"""

import pathlib
import re
import subprocess
import tempfile

import bench_support
from support import protocol

SECONDS = 5


def main():
    with tempfile.TemporaryDirectory() as name:
        with bench_support.tls_control_plane(pathlib.Path(name)) as control_plane:
            values = {f"API_KEY_{number:02}": "v" * 320 for number in range(12)}
            text = bench_support.bind_agent(control_plane, values)
            authorization = protocol.proof(protocol.Credential.parse(text), protocol.BUNDLE)
            nothing = rate(control_plane.url + "/nothing", authorization)
            bundles = rate(control_plane.url + protocol.BUNDLE, authorization)
            print(f"bundles {bundles:9.0f} a second   an unknown path {nothing:9.0f} a second   "
                  f"ratio {bundles / nothing:.2f}")


def rate(url, authorization):
    printed = subprocess.run(
        ["wrk", "-t1", "-c16", f"-d{SECONDS}s", "-H", f"Authorization: {authorization}", url],
        capture_output=True, text=True, check=True).stdout
    return float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])


if __name__ == "__main__":
    main()
