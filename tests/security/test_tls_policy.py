"""The TLS versions and suites of the control plane: 1.3, and 1.2 with an ephemeral key exchange and
authenticated encryption."""

import socket
import ssl
import subprocess

import pytest
from support.control_plane import ControlPlane, Tls

AEAD = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"]
REFUSED = ["AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA256", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA384",
           "DHE-RSA-AES256-GCM-SHA384", "AECDH-AES256-SHA", "PSK-AES128-GCM-SHA256"]


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """With an RSA key, for which suites of every kind are defined."""
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    with ControlPlane(directory / "control-plane", tls=Tls(certificate, key, certificate)) as running:
        yield running


def connect(plane, version, ciphers=None):
    """(suite, version, session with a ticket?) of a handshake; raises ssl.SSLError."""
    context = ssl.create_default_context(cafile=plane.tls.ca)
    context.minimum_version = context.maximum_version = version
    if ciphers:
        context.set_ciphers(f"{ciphers}@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", plane.port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as stream:
            stream.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            while stream.recv(65536):
                pass
            return stream.cipher()[0], stream.version(), bool(stream.session and stream.session.has_ticket)


def test_tls_1_3_is_spoken_and_leaves_no_ticket(plane):
    _, version, has_ticket = connect(plane, ssl.TLSVersion.TLSv1_3)
    assert (version, has_ticket) == ("TLSv1.3", False)


@pytest.mark.parametrize("suite", AEAD)
def test_tls_1_2_with_ecdhe_and_aead_is_spoken_and_leaves_no_ticket(plane, suite):
    found, version, has_ticket = connect(plane, ssl.TLSVersion.TLSv1_2, f"ECDHE-RSA-{suite}")
    assert (found, version, has_ticket) == (f"ECDHE-RSA-{suite}", "TLSv1.2", False)


@pytest.mark.parametrize("suite", REFUSED)
def test_tls_1_2_without_ecdhe_or_without_aead_is_refused(plane, suite):
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE|NO_CIPHER"):
        connect(plane, ssl.TLSVersion.TLSv1_2, suite)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_are_refused(plane, version):
    with pytest.raises(ssl.SSLError):
        connect(plane, version, "ALL")


def test_a_client_cannot_renegotiate(plane):
    client = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{plane.port}", "-tls1_2", "-CAfile", plane.tls.ca],
        input="R\n", capture_output=True, text=True, timeout=20)
    assert "RENEGOTIATING" in client.stdout + client.stderr
    assert "no renegotiation" in client.stderr
