#!/usr/bin/python3
"""Durable writes a second over REST, with 1 client and with 16, beside bare fsync calls on the same disk, in one run.

Each request gives one key of a secret set a new value and is answered when that is on the disk.
"""

import os
import pathlib
import re
import subprocess
import tempfile
import time

import bench_support

SECONDS = 5
CLIENTS = (1, 16)
REQUESTS = """
local written = 0
wrk.method = "PUT"
wrk.headers["Authorization"] = "Bearer {token}"
wrk.headers["Content-Type"] = "application/json"
request = function()
  written = written + 1
  local body = '{{"secretKey": "KEY_' .. written % 32 .. '", "secretValue": "{run}-' .. written .. '"}}'
  return wrk.format(nil, nil, nil, body)
end
"""


def main():
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        with bench_support.tls_control_plane(directory) as control_plane:
            floor = fsyncs(directory / "floor")
            for clients in CLIENTS:
                rate = writes(control_plane, directory / "requests.lua", clients)
                print(f"{clients:2} clients: {rate:7.0f} writes a second   fsync alone {floor:7.0f} a second   "
                      f"ratio {rate / floor:.2f}")


def fsyncs(path):
    """Appends of one page, each followed by fsync, a second."""
    with open(path, "wb", buffering=0) as file:
        end = time.monotonic() + SECONDS
        count = 0
        while time.monotonic() < end:
            file.write(bytes(4096))
            os.fsync(file.fileno())
            count += 1
    return count / SECONDS


def writes(control_plane, script, clients):
    script.write_text(REQUESTS.format(token=control_plane.token, run=clients))
    printed = subprocess.run(
        ["wrk", "-t1", f"-c{clients}", f"-d{SECONDS}s", "-s", script, f"{control_plane.url}/v1/secrets/bench-secrets"],
        capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in printed, printed
    return float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])


if __name__ == "__main__":
    main()
