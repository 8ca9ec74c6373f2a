"""SIGHUP: `serve` reads its certificate and key again. Open connections go on; a bad file changes nothing."""

import datetime
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess

import pytest
from support.control_plane import ControlPlane, Tls
from support.tls import Authority
from support.wait import wait_for


class Plane(ControlPlane):
    """Its certificate is in a directory of its own, where a test replaces it."""

    def hang_up(self, message, **fields):
        """Sends SIGHUP and returns the log line that answers."""
        seen = self.log_path.stat().st_size
        self.process.send_signal(signal.SIGHUP)
        return wait_for(lambda: self.line(seen, message, fields), what=f"the log line {message!r}")

    def line(self, offset, message, fields):
        for text in self.log_path.read_bytes()[offset:].decode().splitlines():
            entry = json.loads(text)
            if entry["message"] == message and fields.items() <= entry.items():
                return entry
        return None

    def served(self):
        """The certificate of a new connection, as bytes."""
        context = ssl._create_unverified_context()
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as plain:
            with context.wrap_socket(plain) as stream:
                return stream.getpeercert(binary_form=True)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


@pytest.fixture
def plane(tmp_path, authority):
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    install(authority.server_certificate("first"), certificate, key)
    with Plane(tmp_path / "control-plane", tls=Tls(certificate, key, authority.certificate)) as running:
        yield running


def install(made, certificate, key):
    """In place of what is there, each file by rename, as ACME clients do it."""
    for source, target in zip(made, (certificate, key)):
        shutil.copy(source, f"{target}.new")
        os.rename(f"{target}.new", target)


def test_a_new_certificate_is_served_and_an_open_connection_goes_on(plane, authority):
    before = plane.served()
    context = ssl.create_default_context(cafile=authority.certificate)
    kept = http.client.HTTPSConnection("127.0.0.1", plane.port, context=context)
    kept.request("GET", "/openapi.json")
    kept.getresponse().read()

    made = authority.server_certificate("second", days=30)
    install(made, plane.tls.certificate, plane.tls.key)
    entry = plane.hang_up("certificate")
    wait_for(lambda: plane.served() != before, what="the new certificate")
    kept.request("GET", "/openapi.json")  # on the connection of before
    assert kept.getresponse().status == 200
    kept.close()

    der = ssl.PEM_cert_to_DER_cert(made[0].read_text())
    assert plane.served() == der
    assert entry["sha256_fingerprint"].replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    in_thirty_days = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=30)
    assert entry["not_after"][:10] in (f"{in_thirty_days - datetime.timedelta(minutes=5):%F}", f"{in_thirty_days:%F}")


@pytest.mark.parametrize("fault", ["missing", "empty", "unreadable", "another key", "a key of another kind"])
def test_a_file_that_cannot_be_used_is_logged_and_the_old_one_stays(plane, authority, fault):
    before = plane.served()
    certificate, key = plane.tls.certificate, plane.tls.key
    if fault == "missing":
        os.unlink(certificate)
    elif fault == "empty":
        os.truncate(certificate, 0)
    elif fault == "unreadable":
        os.unlink(key)
        os.mkdir(key)
    elif fault == "another key":
        shutil.copy(authority.server_certificate("other")[1], key)
    else:
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    entry = plane.hang_up("the certificate could not be read again: the one before stays")
    assert entry["level"] == "error"
    assert str(key if fault in ("unreadable", "another key", "a key of another kind") else certificate) in entry["cause"]
    assert plane.served() == before
    assert plane.process.poll() is None


def test_an_expired_certificate_is_served_with_a_warning(plane, authority):
    install(authority.server_certificate("expired", expired=True), plane.tls.certificate, plane.tls.key)
    entry = plane.hang_up("the certificate has expired: clients refuse it")
    assert (entry["level"], entry["not_after"]) == ("warning", "2021-01-01T00:00:00.000Z")


def test_without_tls_a_hangup_changes_nothing(tmp_path):
    with Plane(tmp_path) as plane:
        plane.hang_up("nothing to read again: this server has no certificate")
        assert plane.rest().request("GET", "/v1/secrets").status == 200


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGXFSZ], ids=lambda one: one.name)
def test_a_signal_that_is_no_stop_does_not_end_a_server(tmp_path, number):
    with Plane(tmp_path) as plane:
        plane.process.send_signal(number)
        plane.hang_up("nothing to read again: this server has no certificate")
        assert plane.stop() == 0
