"""The image of the control plane: read-only, another user than root, no capabilities, no shell."""

import json
import os
import re
import subprocess

import pytest
from support import programs
from support.containers import USER, locked_down
from support.control_plane import Tls
from support.rest import Rest
from support.tls import Authority
from support.wait import wait_for

PLACE = ["--data-dir", "/var/lib/agent-secrets/data", "--master-key-file", "/run/secrets/master-key"]
SOCKET = "unix:/run/agent-secrets/api.sock"


class ControlPlaneContainer:
    """The image under runc with the commands of examples/compose/control-plane.yaml. Leaving `with` ends it."""

    def __init__(self, images, directory):
        self._directory = directory
        self._image = images.config(images.control_plane())
        self._root = images.root(images.control_plane())
        self._process = None
        self.port = programs.free_port()
        self.log = directory / "log"
        authority = Authority(directory / "authority")
        certificate, key = authority.server_certificate()
        self.tls = Tls(certificate, key, authority.certificate)
        master_key = directory / "master.key"
        master_key.write_text("A" * 43)
        self._mounts = {"/run/secrets/master-key": (master_key, "ro"), "/run/secrets/server.pem": (certificate, "ro"),
                        "/run/secrets/server.key": (key, "ro"), "/run/secrets/ca.pem": (authority.certificate, "ro"),
                        "/var/lib/agent-secrets": (directory / "volume", "rw")}
        (directory / "volume").mkdir(mode=0o700)
        for path, _ in self._mounts.values():
            os.chown(path, USER, USER)
        master_key.chmod(0o400)
        key.chmod(0o400)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._runc("delete", "--force", "server")
        if self._process:
            self._process.wait(20)

    def _runc_command(self, *arguments):
        return ["runc", "--root", self._directory / "runc", *arguments]

    def _runc(self, *arguments):
        return subprocess.run(self._runc_command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60)

    def _bundle(self, name, arguments):
        bundle = self._directory / name
        bundle.mkdir()
        variables = dict(pair.split("=", 1) for pair in self._image["Env"])
        config = locked_down(self._root, [*self._image["Entrypoint"], *arguments], variables, self._mounts,
                             {"/run/agent-secrets": {"uid": USER, "gid": USER, "mode": "0700"}})
        (bundle / "config.json").write_text(json.dumps(config))
        return bundle

    def once(self, name, *arguments):
        """Runs a command in a container of its own; returns the finished process."""
        return self._runc("run", "--bundle", self._bundle(name, arguments), name)

    def serve(self):
        bundle = self._bundle("server", ["serve", f"--listen=127.0.0.1:{self.port}", f"--listen={SOCKET}",
                                         "--tls-cert=/run/secrets/server.pem", "--tls-key=/run/secrets/server.key", *PLACE])
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(self._runc_command("run", "--bundle", bundle, "server"),
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self._is_healthy, 60, "the health check")

    def _is_healthy(self):
        assert self._process.poll() is None, self.log.read_text()
        return self.execute("healthcheck", SOCKET).returncode == 0

    def execute(self, *arguments):
        """As `docker exec` of the program; returns the finished process."""
        return self._runc("exec", "--user", f"{USER}:{USER}", "server", "secret-control-plane", *arguments)

    def pid(self):
        return json.loads(self._runc("state", "server").stdout)["pid"]


@pytest.fixture
def container(images, tmp_path):
    os.chmod(tmp_path, 0o755)
    with ControlPlaneContainer(images, tmp_path) as made:
        yield made


def test_a_bot_gets_its_values_from_the_image(container, tmp_path):
    url = f"https://127.0.0.1:{container.port}"
    made = container.once("init", "init", "--organization=acme", f"--public-url={url}", "--ca=/run/secrets/ca.pem",
                          "--env-file=/tmp/env", *PLACE)
    assert made.returncode == 0, made.stderr
    container.serve()
    rest = Rest(url, re.search(r"pcc_pat_\S+", made.stdout)[0], "acme", container.tls.ca)
    assert rest.put_secrets("bot-secrets", GREETING="hello from the image").status == 202
    assert container.execute("set", "wait", "bot-secrets", *PLACE).returncode == 0
    assert rest.deploy("bot", secretSet="bot-secrets").status == 200
    issued = container.execute("credential", "issue", "bot", *PLACE)
    assert issued.returncode == 0, issued.stderr
    credential = tmp_path / "credential"
    credential.touch(mode=0o600)
    credential.write_text(issued.stdout)
    command = [programs.injector_program(), "--credential-file", credential, "--", "/usr/bin/printenv", "GREETING"]
    got = subprocess.run(command, env=programs.clean_environment(), capture_output=True, text=True, timeout=60)
    assert (got.returncode, got.stdout) == (0, "hello from the image\n"), got.stderr


def test_the_image_runs_without_any_right(container):
    assert container.once("init", "init", "--organization=acme", "--env-file=/tmp/env", *PLACE).returncode == 0
    container.serve()
    status = open(f"/proc/{container.pid()}/status").read()
    assert re.search(rf"^Uid:\t{USER}\t{USER}\t", status, re.MULTILINE)
    assert set(re.findall(r"^Cap\w+:\t(\w+)$", status, re.MULTILINE)) == {"0" * 16}
    assert "\nNoNewPrivs:\t1\n" in status
    refused = container.execute("init", "--organization=other", "--env-file=/etc/env", *PLACE[:1], "/elsewhere", *PLACE[2:])
    assert refused.returncode == 1 and "read-only file system" in refused.stderr


def test_a_container_that_does_not_serve_is_not_healthy(container):
    """Without data the server ends, and nothing listens."""
    refused = container.once("healthcheck", "healthcheck", SOCKET)
    assert refused.returncode == 1
    assert f"{SOCKET}: connect: " in refused.stderr


def test_the_image_has_no_shell_and_names_the_packages_of_its_libraries(images):
    root = images.root(images.control_plane())
    programs_in_it = {path.name for path in (root / "usr" / "bin").iterdir()}
    assert programs_in_it == {"secret-control-plane"}
    listed = {path.name for path in (root / "var" / "lib" / "dpkg" / "status.d").iterdir()}
    assert {"libc6", "libpq5", "libsodium23", "libsqlite3-0", "libstdc++6"} <= listed
    for package in listed:
        assert (root / "usr" / "share" / "doc" / package / "copyright").is_file()
        assert re.search(r"^Version: \S+$", (root / "var/lib/dpkg/status.d" / package).read_text(), re.MULTILINE)


def test_the_image_says_how_it_is_run(images):
    config = images.config(images.control_plane())
    assert config["User"] == f"{USER}:{USER}"
    assert config["Entrypoint"] == ["secret-control-plane"]
