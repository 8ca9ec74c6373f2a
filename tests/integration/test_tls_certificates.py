"""Which certificates the injector accepts from a control plane: every kind that is good today, and nothing weaker.

OpenSSL is started with a part of its tables only (core/tls_library.cc), and the released file is linked with a part of
OpenSSL: what is missing must cost a refusal at most, never a check.
"""

import base64
import hashlib
import http.server
import json
import secrets
import ssl
import subprocess
import threading

import pytest
from support import programs

GOOD = {
    "P-256": (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], ["-sha256"]),
    "P-384": (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"], ["-sha384"]),
    "P-521": (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"], ["-sha512"]),
    "RSA": (["-newkey", "rsa:2048"], ["-sha256"]),
    "RSA-PSS": (["-newkey", "rsa:2048"], ["-sha256", "-sigopt", "rsa_padding_mode:pss"]),
    "Ed25519": (["-newkey", "ed25519"], []),
}
WEAK = {
    "RSA with 1024 bits": (["-newkey", "rsa:1024"], ["-sha256"]),
    "a signature over SHA-1": (["-newkey", "rsa:2048"], ["-sha1"]),
    "a signature over MD5": (["-newkey", "rsa:2048"], ["-md5"]),
}


class Refusing(http.server.BaseHTTPRequestHandler):
    """Says that the credential is revoked: whoever reads that has trusted the certificate."""

    def do_GET(self):
        self.send_error(403)

    def log_message(self, *_):
        pass


class Server:
    """TLS on loopback with a certificate of the kind, issued by an authority of the same kind."""

    def __init__(self, directory, kind, address="IP:127.0.0.1", ciphers="DEFAULT", group=None, versions=()):
        key, digest = kind
        self.ca = directory / "ca.pem"
        openssl("req", "-x509", *key, *digest, "-nodes", "-keyout", directory / "ca.key", "-out", self.ca, "-subj",
                "/CN=authority", "-addext", "basicConstraints=critical,CA:TRUE")
        openssl("req", "-new", *key, "-nodes", "-keyout", directory / "key.pem", "-out", directory / "csr", "-subj",
                "/CN=server", "-addext", f"subjectAltName={address}")
        openssl("x509", "-req", "-in", directory / "csr", "-CA", self.ca, "-CAkey", directory / "ca.key", *digest,
                "-copy_extensions", "copyall", "-out", directory / "cert.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(f"{ciphers}@SECLEVEL=0")
        if group:
            context.set_ecdh_curve(group)
        for name, version in versions:
            setattr(context, name, version)
        context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
        # Whoever connects and says nothing must not hold up the thread that accepts.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.handle_error = lambda *_: None  # handshakes that fail are what is tested
        self.url = f"https://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def openssl(*arguments):
    finished = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr


def launch(directory, server, ca=None):
    """What the injector says when it asks the server, which trusts `ca`."""
    identity = {
        "urls": [server.url], "organization": "acme", "agent": "bot", "kid": "kid-1",
        "verification_keys": [{"kid": "region", "x": text(bytes(32))}], "ca": (ca or server.ca).read_text(),
    }
    seed = secrets.token_bytes(32)
    checksum = hashlib.blake2b(seed, digest_size=32).digest()[:4]
    credential = directory / "credential"
    credential.write_text(f"agentcred_v1_{text(json.dumps(identity).encode())}.{text(seed + checksum)}")
    credential.chmod(0o600)
    finished = subprocess.run(
        [programs.injector_program(), "--credential-file", credential, "--timeout", "3s", "--", "/bin/true"],
        env=programs.clean_environment(), capture_output=True, text=True, timeout=30)
    assert finished.returncode == 125
    return finished.stderr


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_certificate_is_trusted(tmp_path, kind):
    with Server(tmp_path, GOOD[kind]) as server:
        assert "(HTTP 403)" in launch(tmp_path, server)


@pytest.mark.parametrize("cipher", [
    "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305",
])
def test_tls_1_2_is_spoken(tmp_path, cipher):
    old = [("maximum_version", ssl.TLSVersion.TLSv1_2)]
    with Server(tmp_path, GOOD["RSA"], ciphers=cipher, versions=old) as server:
        assert "(HTTP 403)" in launch(tmp_path, server)


@pytest.mark.parametrize("cipher", ["ECDHE-RSA-AES256-SHA384", "ECDHE-RSA-AES128-SHA", "AES256-GCM-SHA384", "AES128-SHA"])
def test_tls_1_2_without_ecdhe_or_without_aead_is_refused(tmp_path, cipher):
    old = [("maximum_version", ssl.TLSVersion.TLSv1_2)]
    with Server(tmp_path, GOOD["RSA"], ciphers=cipher, versions=old) as server:
        assert "tls handshake" in launch(tmp_path, server)


@pytest.mark.parametrize("group", ["prime256v1", "secp384r1", "secp521r1"])
def test_other_groups_than_x25519_are_spoken(tmp_path, group):
    with Server(tmp_path, GOOD["P-256"], group=group) as server:
        assert "(HTTP 403)" in launch(tmp_path, server)


@pytest.mark.parametrize("kind", WEAK)
def test_a_weak_certificate_is_refused(tmp_path, kind):
    with Server(tmp_path, WEAK[kind]) as server:
        said = launch(tmp_path, server)
        assert "verify the certificate" in said or "load the certificates" in said
        assert "weak" in said or "too small" in said or "unsupported" in said


def test_another_authority_of_the_same_name_is_refused(tmp_path):
    (tmp_path / "other").mkdir()
    with Server(tmp_path, GOOD["P-256"]) as server:
        other = Server(tmp_path / "other", GOOD["P-256"])
        assert "verify the certificate" in launch(tmp_path, server, ca=other.ca)


def test_a_certificate_for_another_address_is_refused(tmp_path):
    with Server(tmp_path, GOOD["P-256"], address="IP:127.0.0.2") as server:
        assert "verify the certificate" in launch(tmp_path, server)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
def test_a_handshake_that_fails_says_why_in_words(tmp_path):
    with Server(tmp_path, GOOD["P-256"], versions=[("maximum_version", ssl.TLSVersion.TLSv1_1)]) as server:
        said = launch(tmp_path, server)
    assert "alert protocol version" in said
    assert "OpenSSL" not in said and "reason(" not in said
