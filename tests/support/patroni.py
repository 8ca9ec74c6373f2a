"""Two PostgreSQL servers with synchronous replication and failover by Patroni: `with PatroniCluster() as cluster: …`.
Each server has a Patroni, and etcd stores which server is the primary. All listen on loopback and Unix sockets.

Skips the test without Debian's packages patroni, python3-etcd and etcd-server."""

import contextlib
import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

import pytest

from support import programs
from support.postgresql import programs_directory
from support.wait import wait_for


def write_private(path, text, owner=None):
    path.write_text(text)
    path.chmod(0o600)
    if owner:
        shutil.chown(path, *owner)


class Node:
    """One server and its Patroni."""

    def __init__(self, name, directory, etcd_port, cluster):
        self.name = name
        self.directory = directory
        self.data = directory / "data"
        self.api = programs.free_port()
        self.port = programs.free_port()
        self.process = None
        self._cluster = cluster
        self._etcd_port = etcd_port

    def configuration(self):
        password = self._cluster.password
        return {
            "scope": "test", "name": self.name,
            "restapi": {"listen": f"127.0.0.1:{self.api}", "connect_address": f"127.0.0.1:{self.api}"},
            "etcd3": {"host": f"127.0.0.1:{self._etcd_port}"},
            "bootstrap": {
                "dcs": {
                    "ttl": 20, "loop_wait": 1, "retry_timeout": 5, "synchronous_mode": self._cluster.synchronous,
                    "postgresql": {"use_pg_rewind": True, "parameters": {"wal_log_hints": "on"}},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}", "connect_address": f"127.0.0.1:{self.port}",
                "data_dir": str(self.data), "bin_dir": str((programs_directory() / "initdb").resolve().parent),
                "pgpass": str(self.directory / "pgpass"), "use_unix_socket": True,
                "pg_hba": ["local all all trust", "host all all 127.0.0.1/32 scram-sha-256",
                           "host replication all 127.0.0.1/32 scram-sha-256"],
                "authentication": {
                    "superuser": {"username": "postgres", "password": password},
                    "replication": {"username": "replicator", "password": password},
                    "rewind": {"username": "rewinder", "password": password},
                },
                "parameters": {"unix_socket_directories": str(self.directory), "max_connections": 100,
                               "shared_buffers": "16MB", "wal_keep_size": "256MB"},
            },
        }

    def start(self):
        file = self.directory / "patroni.yml"  # JSON is YAML
        write_private(file, json.dumps(self.configuration()), self._cluster.owner)
        self.process = self._cluster.spawn(["patroni", file], self.directory / "patroni.log")

    def configure(self, **settings):
        """Changes settings of the cluster (patronictl edit-config)."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.api}/config", json.dumps(settings).encode(),
                                         {"Content-Type": "application/json"}, method="PATCH")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    def is_primary(self):
        """Whether its Patroni holds the leader lock and the server runs as primary."""
        return self._has_role("primary")

    def is_standby(self):
        """Whether the server is a standby that may take over: a synchronous one, if the cluster is synchronous."""
        return self._has_role("sync" if self._cluster.synchronous else "async")

    def _has_role(self, role):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/{role}", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def kill_server(self):
        """Kills the server's main process (kill -9). Its other processes then end."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError, IndexError):
            os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)


class PatroniCluster:
    """`url` names both servers. A client that uses it is connected to the primary."""

    def __init__(self, synchronous=True):
        if not (shutil.which("patroni") and shutil.which("etcd")):
            pytest.skip("patroni and etcd-server are not installed")
        self.synchronous = synchronous
        self.password = secrets.token_hex(16)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="agent-secrets-patroni.", dir="/tmp"))
        self.owner = ("nobody", "nogroup") if os.geteuid() == 0 else None
        self._as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"] if self.owner else []
        self._started = []
        etcd_port = programs.free_port()
        self.nodes = [Node(name, self._make(name), etcd_port, self) for name in ("a", "b")]
        self._etcd = self._make("etcd")
        self._etcd_port = etcd_port

    @property
    def url(self):
        hosts = ",".join(str(node.directory) for node in self.nodes)
        ports = ",".join(str(node.port) for node in self.nodes)
        return f"postgresql://postgres@/postgres?host={hosts}&port={ports}&target_session_attrs=read-write"

    def _make(self, name):
        path = self.directory / name
        path.mkdir(mode=0o700)
        if self.owner:
            shutil.chown(self.directory, *self.owner)
            shutil.chown(path, *self.owner)
        return path

    def spawn(self, command, log):
        with open(log, "ab") as output:
            process = subprocess.Popen([*self._as_user, *(str(part) for part in command)], cwd="/",
                                       env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self._started.append(process)
        return process

    def __enter__(self):
        try:
            client, peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{programs.free_port()}"
            self.spawn(["etcd", "--data-dir", self._etcd / "data", "--listen-client-urls", client,
                        "--advertise-client-urls", client, "--listen-peer-urls", peer,
                        "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
                        "--heartbeat-interval", "500", "--election-timeout", "5000", "--logger", "zap"],
                       self._etcd / "log")
            self.nodes[0].start()
            self.wait_for_primary(120)
            self.nodes[1].start()
            self.wait_for_standby(180)
            # Patroni does not restart a killed primary, so the other server takes over at once.
            self.nodes[0].configure(primary_start_timeout=0)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self._started):
            process.kill()
            process.wait()
        for node in self.nodes:
            node.kill_server()
        wait_for(self._servers_have_ended, 30, "the servers' end")
        shutil.rmtree(self.directory, ignore_errors=True)

    def _servers_have_ended(self):
        """Whether no process uses the directory. Children of a killed server write to it until they end, seconds later."""
        for command in pathlib.Path("/proc").glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):
                if str(os.readlink(command)).startswith(str(self.directory)):
                    return False
        return True

    def primary(self):
        return next((node for node in self.nodes if node.is_primary()), None)

    def wait_for_primary(self, timeout=60):
        return wait_for(self.primary, timeout, f"a primary; see {self.directory}", 0.1)

    def has_standby(self):
        """Whether there is a primary, and another server that may take over."""
        primary = self.primary()
        return primary and any(node.is_standby() for node in self.nodes if node is not primary)

    def wait_for_standby(self, timeout=120):
        wait_for(self.has_standby, timeout, f"a standby; see {self.directory}", 0.2)
