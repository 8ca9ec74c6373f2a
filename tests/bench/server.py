#!/usr/bin/python3
"""Measures bundles a second for each core of the control plane, over TLS, beside two floors in the same run.

A core is a second of processor time of the server, so other programs on the machine change the figures little. The
bundle has 12 keys of 320 bytes. wrk repeats signed requests: a proof may be replayed for 300 seconds, so the server
does all work each time. The floors: libsodium's verification of a proof and signature of a bundle, on one core; and
nginx, which serves a file as large as a bundle with the same certificate.
Usage: tests/bench/server.py [--seconds 4] [--connections 1,16,64]
"""

import argparse
import contextlib
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import bench_support
import signature_rate
from processor_time import ProcessorTime
from support import programs, protocol
from support.control_plane import ControlPlane, Tls
from support.tls import Authority
from support.wait import wait_for

VALUES = {f"API_KEY_{number:02}": "v" * 320 for number in range(12)}
CREDENTIALS = 32  # two bundles of one credential are made at a time
REQUESTS = """
local headers = {{ {headers} }}
local number = 0
function request()
  number = number + 1
  return wrk.format("GET", "{path}", {{["Authorization"] = headers[number % #headers + 1], {more}}})
end
"""
NGINX = """
user root;
worker_processes 1;
error_log {directory}/error.log;
pid {directory}/pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 1000000000;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_protocols TLSv1.3;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_session_tickets off;
    root {directory}/files;
  }}
}}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="the duration of each measurement")
    parser.add_argument("--connections", default="1,16,64", type=lambda text: [int(part) for part in text.split(",")])
    options, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="agent-secrets-bench.") as name, contextlib.ExitStack() as stack:
        directory = pathlib.Path(name)
        authority = Authority(directory / "ca")
        certificate, key = authority.server_certificate()
        tls = Tls(certificate, key, authority.certificate)
        floor = None
        for audit in ("strict", "best-effort"):
            server = stack.enter_context(ControlPlane(directory / audit, tls=tls,
                                                      serve_options=["--audit-bundles", audit]))
            credentials = bound_credentials(server)
            bundle = protocol.get(server.url, protocol.BUNDLE, protocol.proof(credentials[0], protocol.BUNDLE),
                                  ca_file=tls.ca).body
            floor = floor or signature_rate.measure(len(protocol.proof(credentials[0], protocol.BUNDLE)), len(bundle))
            proofs = [protocol.proof(credential, protocol.BUNDLE) for credential in credentials]
            load = Load(server.url, protocol.BUNDLE, proofs, ProcessorTime(server.process.pid), directory)
            measure(f"bundles, audit {audit}", load, options, floor)
        if shutil.which("nginx"):
            nginx = stack.enter_context(served_file(directory / "nginx", tls, bundle))
            measure("nginx, a file of the same size", nginx, options, floor)
        else:
            print("nginx is not installed (apt-get install nginx-light): not compared")
        print(f"libsodium: {floor:.0f} verifications and signatures a second of processor time; "
              f"a bundle has {len(bundle)} bytes")


def bound_credentials(server):
    texts = [bench_support.bind_agent(server, VALUES)]
    texts += [server.issue_credential(bench_support.AGENT) for _ in range(CREDENTIALS - 1)]
    time.sleep(1)  # until the last credentials are in the region
    return [protocol.Credential.parse(text) for text in texts]


class Load:
    def __init__(self, url, path, authorizations, used, directory):
        self._url = url
        self._path = path
        self._headers = ", ".join(f'"{value}"' for value in authorizations)
        self._used = used
        self._script = directory / "requests.lua"

    def run(self, connections, seconds, keep_alive):
        """(answers a second, answers in a second of the server's processor time)"""
        more = "" if keep_alive else '["Connection"] = "close"'
        self._script.write_text(REQUESTS.format(headers=self._headers, path=self._path, more=more))
        before = self._used.used()
        printed = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", self._script, self._url],
            capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
        assert "Non-2xx" not in printed, printed
        done = int(re.search(r"(\d+) requests in", printed)[1])
        return float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1]), done / (self._used.used() - before)


def measure(what, load, options, floor):
    load.run(4, 1, keep_alive=True)  # warm
    for keep_alive in (True, False):
        for connections in options.connections:
            rate, a_core = load.run(connections, options.seconds, keep_alive)
            print(f"{what:31} {'kept' if keep_alive else 'new ':4} {connections:3} connections: {rate:7.0f} a second, "
                  f"{a_core:7.0f} a core, {a_core / floor:5.2f} x libsodium's", flush=True)


@contextlib.contextmanager
def served_file(directory, tls, content):
    files = directory / "files"
    files.mkdir(parents=True)
    (files / "bundle").write_bytes(content)
    port = programs.free_port()
    settings = directory / "nginx.conf"
    settings.write_text(NGINX.format(directory=directory, port=port, certificate=tls.certificate, key=tls.key))
    directory.chmod(0o755)
    with subprocess.Popen(["nginx", "-c", settings, "-g", "daemon off;"], stderr=subprocess.DEVNULL) as nginx:
        try:
            wait_for(lambda: (directory / "pid").exists(), what="nginx's start")
            yield Load(f"https://127.0.0.1:{port}", "/bundle", ["none"], ProcessorTime(nginx.pid), directory)
        finally:
            nginx.terminate()


if __name__ == "__main__":
    main()
