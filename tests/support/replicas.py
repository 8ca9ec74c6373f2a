"""Several servers on one PostgreSQL database behind a load balancer, for tests that otherwise have one server, and the
values that an instance gets from such a server."""

import contextlib
import os
import shutil

from support import protocol
from support.control_plane import ControlPlane
from support.load_balancer import LoadBalancer
from support.postgresql import drop_database, new_database


def new_control_plane(directory, **options):
    """A ControlPlane. If $AGENT_SECRETS_TEST_REPLICAS is a number, that many servers behind HAProxy."""
    count = int(os.environ.get("AGENT_SECRETS_TEST_REPLICAS", "0"))
    return Replicas(directory, count, **options) if count else ControlPlane(directory, **options)


class Replicas(ControlPlane):
    """`with Replicas(path, 2) as control_plane: …`. `url` is the URL of the load balancer, which sends requests to the
    servers in turn. stop() and kill() end the servers and the load balancer, so that connections are refused. `servers`
    are the ControlPlanes, to stop or reach a single one."""

    def __init__(self, directory, count, **options):
        super().__init__(directory, database=new_database(), **options)
        self.servers = [self._server(number, **options) for number in range(count)]
        self.balancer = LoadBalancer(directory, self.port, [server.port for server in self.servers], self.tls)

    def _server(self, number, **options):
        server = ControlPlane(self.directory / f"server{number}", database=self.database, **options)
        server.public_url = self.url
        server.master_key_file = self.master_key_file
        return server

    def __exit__(self, *_):
        self.kill()
        drop_database(self.database)

    def init(self):
        super().init()
        for server in self.servers:
            server.directory.mkdir()
            server.token = self.token

    def start(self):
        for server in self.servers:
            server.start()
        self.balancer.start()

    def stop(self, timeout=10):
        """Sends SIGTERM to each server; returns the highest exit code."""
        self.balancer.stop()
        return max([server.stop(timeout) for server in self.servers])

    def kill(self):
        self.balancer.stop()
        for server in self.servers:
            if server.process and server.process.poll() is None:
                server.kill()

    def restart(self):
        self.stop()
        self.start()

    def pids(self):
        return [server.process.pid for server in self.servers]

    def log_lines(self):
        return [line for server in self.servers for line in server.log_lines()]

    def log_tail(self, lines=10):
        return "\n".join(server.log_tail(lines) for server in self.servers)


@contextlib.contextmanager
def replica_of(first, directory, database=None, environment=None, serve_options=()):
    """Another server on the database of `first`, with the same master key and token. It also accepts the URL of
    `first`, so that credentials of both servers work with it."""
    other = ControlPlane(directory, database=database or first.database, environment=environment,
                         serve_options=["--public-url", first.url, *serve_options])
    directory.mkdir(parents=True)
    shutil.copy(first.master_key_file, other.master_key_file)
    other.token = first.token
    other.start()
    try:
        yield other
    finally:
        other.kill()


def served(credential, url=None):
    """The values that an instance gets now, as texts; None if the answer is not a bundle. `url` is a replica's URL."""
    try:
        answer = protocol.get(url or credential.url, protocol.BUNDLE, protocol.proof(credential, protocol.BUNDLE))
    except OSError:
        return None
    if answer.status != 200:
        return None
    announced = answer.headers.get(protocol.KEYS_HEADER, "")
    environment = protocol.open_bundle(credential, answer.body.decode(), announced)
    return {name.decode(): value.decode() for name, value in environment.items()}


def served_value(credential, key="A"):
    """One of them; None when it is not there."""
    return (served(credential) or {}).get(key)
