"""SIGTERM and SIGINT end the injector whatever it waits for, as PID 1 too, where the kernel drops a signal that has no
handler. Real sockets; PID 1 is made with unshare(1)."""

import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading

import nacl.signing
import pytest

from support import programs, protocol, raw_exec
from support.wait import wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a PID namespace needs root")

NANOSLEEP = (b"230 ", b"115 ", b"35 ", b"101 ")  # clock_nanosleep and nanosleep on amd64 and arm64


def credential(url):
    """A well-formed one for `url`: nobody ever answers, so no key has to be anybody's."""
    seed = bytes(range(32))
    key = bytes(nacl.signing.SigningKey(seed).verify_key)
    identity = {"urls": [url], "organization": "acme", "agent": "bot", "kid": "key-1",
                "verification_keys": [{"kid": "region-1", "x": protocol.b64(key)}]}
    checksum = hashlib.blake2b(seed, digest_size=32).digest()[:4]
    return f"agentcred_v1_{protocol.b64(json.dumps(identity).encode())}.{protocol.b64(seed + checksum)}"


class Silence:
    """A server on loopback that takes connections, answers `answer`, and says no more. `url` has its port."""

    def __init__(self, scheme="http", answer=b""):
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self.heard = threading.Event()
        self._connections = []

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        # shutdown() wakes the accept() of the other thread; close() alone would leave the port open.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            if connection.recv(1 << 16):
                connection.sendall(self._answer)
                self.heard.set()


class SilentDns:
    """A name server that hears every question and answers none; it needs port 53 of an address of its own."""

    ADDRESS = "127.53.0.53"

    def __init__(self, directory):
        self.heard = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._resolv_conf = directory / "resolv.conf"
        self._resolv_conf.write_text(f"nameserver {self.ADDRESS}\noptions timeout:30\n")
        self._nsswitch_conf = directory / "nsswitch.conf"
        self._nsswitch_conf.write_text("hosts: dns\n")

    def mounts(self):
        return (f"mount --bind {self._resolv_conf} /etc/resolv.conf && "
                f"mount --bind {self._nsswitch_conf} /etc/nsswitch.conf && ")

    def __enter__(self):
        self._socket.bind((self.ADDRESS, 53))
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._socket.close()

    def _listen(self):
        try:
            if self._socket.recv(512):
                self.heard.set()
        except OSError:
            pass


class PidOne:
    """The injector as PID 1 of a namespace, with what it needs mounted before."""

    def __init__(self, url, mounts=""):
        options = f"{programs.injector_program()} --timeout 60 -- /bin/echo started"
        environment = programs.clean_environment(AGENT_SECRETS_CREDENTIAL=credential(url))
        self.process = raw_exec.popen(
            ["/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "/bin/sh", "-c",
             f"{mounts}exec {options}"], raw_exec.as_list(environment))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def pid(self):
        """Seen from here; unshare waits for it."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def sleeps(self):
        return pathlib.Path(f"/proc/{self.pid()}/syscall").read_bytes().startswith(NANOSLEEP)

    def ends_with(self, number):
        os.kill(self.pid(), number)
        output, errors = self.process.communicate(timeout=5)
        assert self.process.returncode == 128 + number, errors
        assert output == b""


@pytest.fixture(params=[signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def stop(request):
    return request.param


def test_while_the_server_does_not_answer(stop):
    with Silence() as server, PidOne(server.url) as injector:
        assert server.heard.wait(10)
        injector.ends_with(stop)


def test_while_the_answer_does_not_end(stop):
    with Silence(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") as server, PidOne(server.url) as injector:
        assert server.heard.wait(10)
        injector.ends_with(stop)


def test_in_the_tls_handshake(stop):
    with Silence("https") as server, PidOne(server.url) as injector:
        assert server.heard.wait(10)
        injector.ends_with(stop)


def test_in_backoff(stop):
    busy = b"HTTP/1.1 503 Busy\r\nRetry-After: 40\r\nContent-Length: 0\r\n\r\n"
    with Silence(answer=busy) as server, PidOne(server.url) as injector:
        assert server.heard.wait(10)
        wait_for(injector.sleeps, what="the pause before the next attempt")
        injector.ends_with(stop)


def test_in_name_resolution(stop, tmp_path):
    with SilentDns(tmp_path) as dns, PidOne("https://control-plane.example", dns.mounts()) as injector:
        assert dns.heard.wait(10)
        injector.ends_with(stop)


def test_a_stop_that_the_parent_had_ignored_or_blocked_does_nothing():
    """As nohup has it: the injector waits on, and the command would inherit the same."""
    for setup in (lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
                  lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])):
        environment = raw_exec.as_list(programs.clean_environment())
        with Silence() as server:
            environment.append(b"AGENT_SECRETS_CREDENTIAL=" + credential(server.url).encode())
            argv = [programs.injector_program(), "--timeout", "60", "/bin/true"]
            with raw_exec.popen(argv, environment, setup, stderr=subprocess.DEVNULL) as process:
                assert server.heard.wait(10)
                masks = dict(re.findall(r"Sig(Blk|Ign|Cgt):\t(\w+)",
                                        pathlib.Path(f"/proc/{process.pid}/status").read_text()))
                caught = int(masks["Cgt"], 16) & ~int(masks["Blk"], 16) & ~int(masks["Ign"], 16)
                assert caught >> (signal.SIGINT - 1) & 1 and not caught >> (signal.SIGTERM - 1) & 1
                os.kill(process.pid, signal.SIGTERM)
                os.kill(process.pid, signal.SIGINT)
                assert process.wait(5) == 128 + signal.SIGINT
