#!/usr/bin/python3
"""Measures the cost of a sidecar and the delay of its flag. Runs in a separate network namespace (root).

Idle for a while: memory (PSS) and wake-ups. A thousand lost connections: descriptors. The network cut for a
minute (packets are dropped) with a change meanwhile: the time from the network's return to the flag.
Usage: tests/bench/sidecar.py [--minutes 10] [--reconnects 1000] [--cut 60]
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import bench_support
from support.control_plane import ControlPlane
from support.credential_text import with_identity
from support.cutting_proxy import CuttingProxy
from support.sidecar import Sidecar, watch_credential
from support.wait import wait_for

IN_NAMESPACE = "AGENT_SECRETS_BENCH_NAMESPACE"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--reconnects", type=int, default=1000)
    parser.add_argument("--cut", type=float, default=60, help="seconds")
    arguments = parser.parse_args()
    if IN_NAMESPACE not in os.environ:
        os.environ[IN_NAMESPACE] = "1"
        os.execvp("unshare", ["unshare", "--net", "--", sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as name, CuttingProxyInFront() as proxy:
        directory = pathlib.Path(name)
        with served(directory, proxy) as (control_plane, credential):
            measurements = [
                threading.Thread(target=idle, args=(directory / "idle", credential, arguments.minutes)),
                threading.Thread(target=reconnects, args=(directory / "reconnects", credential, proxy,
                                                          arguments.reconnects)),
            ]
            for measurement in measurements:
                measurement.start()
            for measurement in measurements:
                measurement.join()
            cut(directory / "cut", control_plane, credential, arguments.cut)


class CuttingProxyInFront(CuttingProxy):
    """Made before the server to which it relays, because the server must know the proxy's URL."""

    def __init__(self):
        super().__init__(target_port=0)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


class served:
    """A control plane that accepts its own URL and the proxy's URL; yields it and a watch credential."""

    def __init__(self, directory, proxy):
        self.control_plane = ControlPlane(directory / "control-plane",
                                          serve_options=("--public-url", proxy.url))
        proxy.target_port = self.control_plane.port

    def __enter__(self):
        control_plane = self.control_plane.__enter__()
        control_plane.run("public-url", "set", control_plane.url, *self.control_plane.serve_options[1:])
        return control_plane, watch_credential(bench_support.bind_agent(control_plane, {"KEY": "old"}))

    def __exit__(self, *exception):
        self.control_plane.__exit__(*exception)


def heard(sidecar):
    return wait_for(lambda: sidecar.knows().get("last_heard"), what="the first answer")


def idle(directory, credential, minutes):
    with Sidecar(directory, credential, "--listen", "127.0.0.1:7711", sequence=1) as sidecar:
        heard(sidecar)
        time.sleep(2)
        before = sidecar.wake_ups()
        time.sleep(minutes * 60)
        woken = sidecar.wake_ups() - before
        print(f"idle for {minutes:g} min   PSS {sidecar.pss_kib() / 1024:.2f} MiB   "
              f"wake-ups {woken} = {woken / minutes:.1f} a minute   "
              f"descriptors {sidecar.descriptors()}", flush=True)


def reconnects(directory, credential, proxy, wanted):
    with Sidecar(directory, with_identity(credential, urls=[proxy.url]), sequence=1) as sidecar:
        wait_for(lambda: sidecar.knows().get("reconnects", 0) >= 3, what="the first reconnects")
        before = sidecar.descriptors()
        wait_for(lambda: sidecar.knows()["reconnects"] >= wanted, 3600, "the reconnects", 0.5)
        print(f"{sidecar.knows()['reconnects']} reconnects   descriptors before {before}, "
              f"after {sidecar.descriptors()}   PSS {sidecar.pss_kib() / 1024:.2f} MiB", flush=True)


def drop(change, port):
    for direction in ("--dport", "--sport"):
        subprocess.run(["iptables", change, "INPUT", "-i", "lo", "-p", "tcp", direction, str(port),
                        "-j", "DROP"], check=True)


def cut(directory, control_plane, credential, seconds):
    rest = control_plane.rest()
    with Sidecar(directory, credential, sequence=1) as sidecar:
        heard(sidecar)
        rest.put_secrets(bench_support.SET, KEY="before the cut")
        version = wait_for(lambda: latest_version(sidecar), what="the change before the cut")
        # The watch answer is lost: the key is written over a connection that is not cut, and is provisioned
        # half a second later, during the cut.
        rest.org("PUT", f"secrets/{bench_support.SET}",
                 {"secretKey": "KEY", "secretValue": "in the cut", "isImagePullSecret": False})
        drop("-A", control_plane.port)
        time.sleep(seconds)
        drop("-D", control_plane.port)
        returned = time.monotonic()
        wait_for(lambda: latest_version(sidecar) > version, 120, "the flag")
        print(f"network cut for {seconds:g} s, a change meanwhile: flagged "
              f"{time.monotonic() - returned:.2f} s after its return", flush=True)


def latest_version(sidecar):
    latest = sidecar.knows().get("latest")
    return latest["sets"][0]["version"] if latest else 0


if __name__ == "__main__":
    main()
