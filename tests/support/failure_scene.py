"""One failing start of secret-injector: the servers around it, its credential, its cache, its environment. A
row of support.failure_rows prepares it; support.failure_matrix runs it and checks the result."""

import contextlib
import dataclasses
import itertools
import os
import pathlib
import re
import socket
import subprocess
import time

from support import misbehaving_server as bad
from support import programs
from support.region import Region

TIMEOUT = 2  # seconds, of every start of the matrix
PASSWORD = "pr0xy-passw0rd-canary"
FETCHED, CACHED = "value-fetched-canary", "value-cached-canary"
HOST = "control.test"  # resolved only by a proxy or by the scene's /etc/hosts


_NAME_SERVERS = itertools.count()  # scenes run in parallel, so each needs another address


@dataclasses.dataclass
class Ended:
    exit_code: int
    stdout: str
    stderr: str
    seconds: float
    timeout: int = TIMEOUT

    @property
    def ratio(self):
        return self.seconds / self.timeout

    def lines(self, prefix=""):
        return [line for line in self.stderr.splitlines() if line.startswith(prefix)]

    @property
    def report(self):
        """The lines that are neither a warning nor a step."""
        return [line for line in self.stderr.splitlines() if not re.match("(warning|debug) ", line)]


class Scene:
    """Lasts as long as its `with` block. `certificates` is shared by all scenes."""

    def __init__(self, directory, certificates):
        self.directory = pathlib.Path(directory)
        self.certificates = certificates
        self.region = Region()
        self.urls = []
        self.ca = None
        self.agent = "bot"
        self.variables = {}
        self.options = []
        self.timeout = TIMEOUT
        self.namespace = []  # shell commands, run as root in a mount namespace that only the injector sees
        self.authority = self.proxy_authority = "nobody:0"  # HOST:PORT of the last server, and of the proxy
        self.cache = self.directory / "cache"
        self.with_cache = False
        self.working_directory = None  # of the injector; the test's own without
        self.preexec = None  # called in the injector's process before it is executed
        self._credential = None
        self._resources = contextlib.ExitStack()

    def __enter__(self):
        self.directory.mkdir(parents=True)
        return self

    def __exit__(self, *_):
        self._resources.close()

    def keep(self, resource):
        """Enters the resource and returns it; it is closed at the end of the scene."""
        return self._resources.enter_context(resource)

    def at_the_end(self, function, *arguments):
        self._resources.callback(function, *arguments)

    # Servers

    def stand_by(self, reachable):
        """The control plane for a row with a faulty cache: a good one, or none."""
        if reachable:
            self.serve(bad.good)
        else:
            self.reach(bad.refused_authority())

    def serve(self, behaviour, certificate=None, host=None):
        """A server at the next URL of the credential. With `certificate` (a name in Certificates) it speaks TLS."""
        tls = self.certificates.server(certificate) if certificate else None
        server = self.keep(bad.Server(behaviour, tls=tls, scene=self))
        if tls:
            self.ca = self.certificates.ca_text()
        self.reach(f"{host or '127.0.0.1'}:{server.port}", "https" if tls else "http")
        return server

    def reach(self, authority, scheme="http"):
        """The next URL of the credential."""
        self.authority = authority
        self.urls.append(f"{scheme}://{authority}")

    def drop_connections(self):
        """A URL where a SYN is not answered, because the backlog is full and no process accepts."""
        listener = self.keep(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            filler = self.keep(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        self.reach(f"127.0.0.1:{listener.getsockname()[1]}")

    def proxy(self, behaviour=None, user="", **options):
        """Sets HTTPS_PROXY. Without a behaviour, the proxy works."""
        routes = {self.authority: int(self.authority.rpartition(":")[2])}
        proxy = bad.Server(behaviour, scene=self) if behaviour else bad.Proxy(routes, **options)
        self.keep(proxy)
        self.proxy_authority = proxy.authority
        self.variables["HTTPS_PROXY"] = f"http://{user}{proxy.authority}"
        return proxy

    # Changes for the kernel and the C library. Needs root.

    def replace_file(self, where, text):
        replacement = self.directory / where.strip("/").replace("/", "-")
        replacement.write_text(text)
        self.namespace.append(f"mount --bind {replacement} {where}")

    def name_server(self, answers):
        """Sets /etc/resolv.conf: a name server that does not exist, or never answers."""
        number = os.getpid()
        address = f"127.{53 + number // 250 % 100}.{number % 250}.{next(_NAME_SERVERS) % 250 + 1}"
        if not answers:
            self.keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind((address, 53))
        self.replace_file("/etc/resolv.conf", f"nameserver {address}\n")
        self.reach(f"{HOST}:8443", "https")

    # Bundles

    @property
    def credential(self):
        if not self._credential:
            self._credential = self.region.mint(self.urls, self.agent, ca=self.ca)
        return self._credential

    def bundle(self, nonce, values=None, **members):
        return self.region.bundle(self.credential, nonce, {"OWNER": FETCHED} if values is None else values, **members)

    @property
    def cache_file(self):
        return self.cache / f"{self.credential.kid}.bundle"

    def fill_cache(self, **members):
        """Makes the cache that an earlier start, a minute ago, would have written."""
        self.cache.mkdir(mode=0o700, exist_ok=True)
        members = {"issued_at": int(time.time()) - 60} | members
        self.cache_file.write_text(self.bundle("earlier", {"OWNER": CACHED}, **members))
        self.cache_file.chmod(0o600)

    # The start

    def command_line(self, *command):
        words = [programs.injector_program(), "--timeout", self.timeout, "--state-dir", self.directory / "state"]
        words += self.options
        if self.with_cache:
            words += ["--cache-dir", self.cache]
        words = [str(word) for word in (*words, "--", *command)]
        if not self.namespace:
            return words
        return ["unshare", "-m", "sh", "-c", " && ".join([*self.namespace, 'exec "$@"']), "sh", *words]

    def environment(self):
        variables = {"AGENT_SECRETS_CREDENTIAL": self.credential.text} | self.variables
        return programs.clean_environment(**{key: value for key, value in variables.items() if value is not None})

    def start(self, *command):
        """Runs the injector to its end; the command prints the source of its value."""
        line = self.command_line(*(command or ("/usr/bin/printenv", "OWNER")))
        begin = time.monotonic()
        ended = subprocess.run(line, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, timeout=TIMEOUT * 10, preexec_fn=self.preexec,
                               cwd=self.working_directory)
        return Ended(ended.returncode, ended.stdout, ended.stderr, time.monotonic() - begin, self.timeout)

    def secrets(self):
        """The texts that no message may contain."""
        return [FETCHED, CACHED, PASSWORD, self.credential.text.rpartition(".")[2]]


class Certificates:
    """Server certificates, by the name of their fault."""

    NAMES = ("good", "expired", "of another host", "of another ca")

    def __init__(self, ours, theirs, host=HOST):
        self._ca = ours.certificate
        addresses = ("IP:127.0.0.1", f"DNS:{host}")
        self._servers = {
            "good": ours.server_certificate("good", addresses),
            "expired": ours.server_certificate("expired", addresses, expired=True),
            "of another host": ours.server_certificate("other-host", ("DNS:other.test",)),
            "of another ca": theirs.server_certificate("other-ca", addresses),
        }

    def server(self, name):
        return self._servers[name]

    def ca_text(self):
        return self._ca.read_text()
