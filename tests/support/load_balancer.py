"""HAProxy on loopback with the settings of examples/compose/haproxy.cfg. Only addresses and file names differ."""

import re
import shutil
import socket
import subprocess

import pytest

from support import programs
from support.wait import wait_for

EXAMPLE = programs.ROOT / "examples" / "compose" / "haproxy.cfg"
CERTIFICATE = " ssl crt /run/secrets/server.pem alpn http/1.1"
VERIFICATION = "    default-server ssl verify required ca-file /run/secrets/ca.pem verifyhost secrets.example.com\n"
NAME_SERVER = "    default-server resolvers docker init-addr none\n"


def program():
    """The path of HAProxy. Skips the test if it is not installed. Debian installs it in /usr/sbin."""
    found = shutil.which("haproxy", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    if not found:
        pytest.skip("HAProxy is not installed; run script/bootstrap")
    return found


def exchange(text, old, new):
    """Replaces `old`, which the example must contain once. Otherwise the tests would use other settings than users."""
    assert text.count(old) == 1, f"{EXAMPLE} has {text.count(old)} times {old!r}"
    return text.replace(old, new)


def configuration(port, server_ports, tls=None, bundle=None):
    """The example with these loopback ports. With TLS, `bundle` is the certificate, and `bundle`.key its key."""
    text = EXAMPLE.read_text()
    text = exchange(text, "    bind :7710" + CERTIFICATE,
                    f"    bind 127.0.0.1:{port}" + (f" ssl crt {bundle} alpn http/1.1" if tls else ""))
    text = exchange(text, VERIFICATION,
                    f"    default-server ssl verify required ca-file {tls.ca} verifyhost localhost\n" if tls else "")
    text = exchange(text, NAME_SERVER, "")
    servers = "".join(f"    server number{number} 127.0.0.1:{each}\n" for number, each in enumerate(server_ports))
    return exchange(text, "    server one one:7710\n    server two two:7710\n", servers)


class LoadBalancer:
    """A load balancer in front of servers on loopback. Call start(), then stop(). Its files are in `directory`."""

    def __init__(self, directory, port, server_ports, tls=None):
        self.directory = directory
        self.log_path = directory / "haproxy.log"
        self._port = port
        self._server_ports = server_ports
        self._tls = tls
        self._process = None

    def start(self):
        """Starts HAProxy and waits until it listens."""
        file = self.directory / "haproxy.cfg"
        file.write_text(configuration(self._port, self._server_ports, self._tls, self._bundle()))
        seen = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen([program(), "-db", "-f", file], env=programs.clean_environment(),
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: self._listens(seen), what="HAProxy's start")

    def stop(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def servers_used(self):
        """The numbers of the servers that have answered a request so far."""
        return {int(number) for number in re.findall(r" number(\d+) ", self.log())}

    def _bundle(self):
        if self._tls is None:
            return None
        bundle = self.directory / "server.pem"
        shutil.copy(self._tls.certificate, bundle)
        shutil.copy(self._tls.key, f"{bundle}.key")
        return bundle

    def _listens(self, seen):
        if self._process.poll() is not None:
            raise AssertionError(f"HAProxy exited {self._process.returncode}: {self.log_path.read_bytes()[seen:]}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0
