"""A throwaway certificate authority and server certificates, made by the openssl command."""

import pathlib
import subprocess

CONFIG = """
[ca]
default_ca = throwaway
[throwaway]
database = {directory}/index.txt
new_certs_dir = {directory}
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


class Authority:
    """A CA in `directory` (made if absent). Clients must trust `certificate`."""

    def __init__(self, directory):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.certificate = directory / "ca.pem"
        self._key = directory / "ca.key"
        self._config = directory / "ca.conf"
        self._config.write_text(CONFIG.format(directory=directory))
        (directory / "index.txt").touch()
        _openssl(
            "req", "-x509", *_new_key(self._key), "-out", self.certificate, "-days", "100",
            "-subj", "/CN=throwaway test authority",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
        )

    def server_certificate(self, name="server", addresses=("IP:127.0.0.1", "DNS:localhost"), expired=False,
                           days=1):
        """(certificate file, key file) for the addresses; `expired` ended in 2021."""
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        request = self.directory / f"{name}.csr"
        _openssl(
            "req", "-new", *_new_key(key), "-out", request, "-subj", f"/CN={name}",
            "-addext", "subjectAltName=" + ",".join(addresses),
        )
        span = ("-startdate", "20200101000000Z", "-enddate", "20210101000000Z") if expired else ("-days", str(days))
        _openssl(
            "ca", "-batch", "-notext", "-config", self._config, "-cert", self.certificate,
            "-keyfile", self._key, "-in", request, "-out", certificate, *span,
        )
        return certificate, key


def _new_key(path):
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path)


def _openssl(*arguments):
    finished = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
