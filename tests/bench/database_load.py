"""The two loads of tests/bench/database.py: a control plane with many clients, and pgbench."""

import contextlib
import os
import re
import subprocess
import time

import bench_support
import processor_time
from support import protocol
from support.control_plane import TOKEN, ControlPlane
from support.postgresql import with_parts

# Each thread of wrk is one client with its own token and set.
WRITES = """
local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("client", threads)
end
local tokens = {{ {tokens} }}
local written = 0
function request()
  written = written + 1
  local body = '{{"secretKey": "KEY_' .. written % 32 .. '", "secretValue": "{run}-' .. written .. '"}}'
  return wrk.format("PUT", "/v1/secrets/set-" .. client,
                    {{["Authorization"] = "Bearer " .. tokens[client], ["Content-Type"] = "application/json"}}, body)
end
"""
BUNDLES = """
local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("client", threads)
end
local proofs = {{ {proofs} }}
function request()
  return wrk.format("GET", "{path}", {{["Authorization"] = proofs[client % {number} + 1]}})
end
"""


@contextlib.contextmanager
def served(directory, clients, server=None):
    """A Store with a token and a set for each client, and a credential of one agent for every two clients."""
    database = None
    if server:
        server.sql("CREATE DATABASE agent_secrets")
        database = with_parts(server.url, database="agent_secrets")
    environment = {"PGPASSWORD": server.PASSWORD} if server else {}
    with ControlPlane(directory, database=database, environment=environment) as control_plane:
        programs = [control_plane.process.pid] + ([processor_time.of_server(server)] if server else [])
        yield Store(control_plane, clients, processor_time.ProcessorTime(*programs))


class Store:
    """One control plane on one database. `processor_time` counts the control plane and the database server."""

    def __init__(self, control_plane, clients, used):
        self.processor_time = used
        self._control_plane = control_plane
        self._script = control_plane.directory / "requests.lua"
        self._trace = control_plane.directory / "trace"
        self._runs = 0
        values = {f"API_KEY_{number:02}": "v" * 320 for number in range(12)}
        credentials = [bench_support.bind_agent(control_plane, values)]
        while len(credentials) < clients / 2:  # two requests of one credential can be answered at the same time
            credentials.append(control_plane.issue_credential(bench_support.AGENT))
        self._credentials = [protocol.Credential.parse(text) for text in credentials]
        self._tokens = [TOKEN.search(control_plane.run("token", "create", f"client-{number}").stdout)[0]
                        for number in range(clients)]
        time.sleep(1)  # until the last credentials are in the region

    def writes(self, clients, seconds):
        """Writes of one key a second; each client has its own set."""
        self._runs += 1
        tokens = ", ".join(f'"{token}"' for token in self._tokens)
        return self._requests(WRITES.format(tokens=tokens, run=self._runs), clients, seconds)

    def bundles(self, clients, seconds):
        # A proof can be used many times within 300 seconds. The server does the whole work each time.
        proofs = ", ".join(f'"{protocol.proof(credential, protocol.BUNDLE)}"' for credential in self._credentials)
        script = BUNDLES.format(proofs=proofs, number=len(self._credentials), path=protocol.BUNDLE)
        return self._requests(script, clients, seconds)

    def _requests(self, script, clients, seconds):
        self._script.write_text(script)
        printed = subprocess.run(
            ["wrk", f"-t{clients}", f"-c{clients}", f"-d{seconds}s", "--timeout", "20s", "-s", self._script,
             self._control_plane.url],
            capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
        assert "Non-2xx" not in printed and "Socket errors" not in printed, printed
        return float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])

    def write_once(self, number):
        assert self._control_plane.rest().org(
            "PUT", "secrets/set-1", {"secretKey": "KEY", "secretValue": f"once-{number}"}).status == 202

    def fetch_once(self, _number):
        assert protocol.fetch_bundle(self._credentials[0]).status == 200

    def round_trips(self, request, repeat=20):
        """The number of round trips to the database for one request. The ROLLBACK that ends a read is not counted,
        because the server does not wait for its answer. The queries of the provisioner, which a write wakes, count."""
        request(-1)  # prepares the statements
        with subprocess.Popen(["strace", "-f", "-e", "trace=sendto", "-o", self._trace,
                               "-p", str(self._control_plane.process.pid)],
                              stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as tracer:
            time.sleep(5)  # threads that work without a request appear in the trace
            others = {thread for thread, _ in self._sent()}
            for number in range(repeat):
                request(number)
            tracer.terminate()
        sent = [(thread, data) for thread, data in self._sent() if thread not in others]
        workers = {thread for thread, data in sent if "BEGIN" in data}
        return sum(thread in workers and "ROLLBACK" not in data for thread, data in sent) / repeat

    def _sent(self):
        """The trace so far, as pairs of a thread and the data that it sent."""
        return [tuple(line.split(" ", 1)) for line in self._trace.read_text().splitlines() if " sendto(" in line]


class Pgbench:
    """PostgreSQL's own benchmark (postgresql.org/docs/15/pgbench.html), in a database of the same server."""

    def __init__(self, server, scale):
        self.processor_time = processor_time.ProcessorTime(processor_time.of_server(server), os.getpid())
        self._url = with_parts(server.url, database="pgbench")
        self._environment = {"PATH": os.environ["PATH"], "PGPASSWORD": server.PASSWORD}
        server.sql("CREATE DATABASE pgbench")
        self._run("--initialize", "--quiet", f"--scale={scale}")

    def transactions(self, clients, seconds):
        """TPC-B transactions a second. Each has seven statements, on rows of three tables and a history."""
        return self._rate("--builtin=tpcb-like", clients, seconds)

    def selects(self, clients, seconds):
        return self._rate("--builtin=select-only", clients, seconds)

    def _rate(self, script, clients, seconds):
        printed = self._run(script, "--no-vacuum", f"--client={clients}", f"--jobs={min(clients, os.cpu_count())}",
                            f"--time={seconds}")
        return float(re.search(r"^tps = ([\d.]+)", printed, re.MULTILINE)[1])

    def _run(self, *options):
        return subprocess.run(["pgbench", *options, self._url], env=self._environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=300).stdout
