"""Fixtures of the container tests: images, built once, and containers that end with their test."""

import contextlib
import os
import pathlib
import secrets
import tempfile

import pytest
from support import programs
from support.containers import PLAIN_BOT, Container
from support.control_plane import ControlPlane
from support.images import Images

@pytest.fixture(scope="session")
def images():
    directory = pathlib.Path(tempfile.mkdtemp(dir=programs.ROOT / "build" / "containers"))
    built = Images(directory / "storage")
    yield built
    built.close()
    directory.rmdir()


@pytest.fixture
def values():
    """Two of the key GREETING, as no other test has them."""
    return [f"canary-{secrets.token_hex(16)}" for _ in range(2)]


@pytest.fixture
def credential(control_plane, rest, values):
    """Of the agent `bot`, whose set has the first value."""
    assert rest.put_secrets("bot-secrets", GREETING=values[0]).status == 202
    control_plane.wait_ready("bot-secrets")
    assert rest.deploy("bot", secretSet="bot-secrets").status == 200
    return control_plane.issue_credential("bot")


@pytest.fixture
def change(control_plane, rest, values):
    """Gives GREETING its second value; when that was ready, in Unix time."""

    def put():
        assert rest.put_secrets("bot-secrets", GREETING=values[1]).status == 202
        control_plane.wait_ready("bot-secrets")
        return control_plane.logged_at("set version is ready", set="bot-secrets", version=2)

    return put


@pytest.fixture
def run(images, credential, tmp_path):
    """run(image, …) starts a container: the arguments are Container's."""
    os.chmod(tmp_path, 0o755)
    with contextlib.ExitStack() as stack:

        def start(image, **options):
            directory = tmp_path / f"container-{len(list(tmp_path.iterdir()))}"
            options.setdefault("credential", credential)
            return stack.enter_context(Container(images, image, directory, **options))

        yield start


@pytest.fixture
def bot(run, images):
    """The plain bot in the base image on trixie."""
    return run(images.base("trixie"), mounts=PLAIN_BOT).wait_up()
