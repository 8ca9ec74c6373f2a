"""The runbook for stolen keys (docs/runbooks.md), while instances fetch their values."""

import os
import subprocess
import time

import pytest

from support import programs, protocol
from support.control_plane import ControlPlane
from support.replicas import served
from support.rotation import Fetches, keys

SCRIPT = programs.ROOT / "examples" / "runbooks" / "stolen-key.sh"
AGENTS = ("bot-one", "bot-two", "bot-three")


class Scene:
    """A control plane with agents. Each has one credential."""

    def __init__(self, control_plane, directory):
        self.control_plane, self.directory = control_plane, directory
        rest = control_plane.rest()
        assert rest.put_secrets("set1", GREETING="hello").status == 202
        control_plane.wait_ready("set1", 30)
        for agent in AGENTS:
            assert rest.deploy(agent, secretSet="set1").status == 200
        self.old = {agent: protocol.Credential.parse(control_plane.issue_credential(agent)) for agent in AGENTS}
        self.keys = keys(control_plane)

    def run(self, *arguments):
        place = ({"AGENT_SECRETS_DATABASE": self.control_plane.database} if self.control_plane.database
                 else {"AGENT_SECRETS_DATA_DIR": self.control_plane.data_dir})
        environment = programs.clean_environment(
            SECRET_CONTROL_PLANE=programs.control_plane_program(),
            AGENT_SECRETS_MASTER_KEY_FILE=self.control_plane.master_key_file, **place)
        begun = time.monotonic()
        finished = subprocess.run([str(part) for part in (SCRIPT, *arguments)], env=environment, capture_output=True,
                                  text=True, timeout=120)
        assert finished.returncode == 0, finished.stderr
        return time.monotonic() - begun

    def new(self, agent):
        return protocol.Credential.parse((self.directory / f"{agent}.credential").read_text())

    def ids(self, purpose):
        return {row["key"] for row in self.keys[purpose]}


@pytest.fixture
def scene(tmp_path):
    with ControlPlane(tmp_path / "cp") as control_plane:
        yield Scene(control_plane, tmp_path / "stolen")


def check_credentials(scene):
    """The new credentials work and trust no old key; the old ones are refused once they are revoked."""
    stolen = scene.ids("signing:us-west")
    for agent in AGENTS:
        assert served(scene.old[agent]) == {"GREETING": "hello"}
        assert served(scene.new(agent)) == {"GREETING": "hello"}
        assert not stolen & set(protocol.trusted_keys(scene.new(agent)))
    scene.run("revoke", scene.directory)
    for agent in AGENTS:
        assert protocol.fetch_bundle(scene.old[agent]).status == 403
        assert served(scene.new(agent)) == {"GREETING": "hello"}


def test_a_stolen_signing_key(scene):
    with Fetches(scene.old["bot-one"]) as load:
        took = scene.run("signing-key", "us-west", scene.directory, *AGENTS)
        load.wait_for_more()
    assert load.faults == []
    assert os.stat(scene.directory).st_mode & 0o777 == 0o700
    now = {row["key"] for row in keys(scene.control_plane)["signing:us-west"]}
    assert not now & scene.ids("signing:us-west")
    check_credentials(scene)
    print(f"a stolen signing key: {took:.1f} s with {len(AGENTS)} agents")


def test_a_stolen_master_key(scene):
    old_key = scene.control_plane.master_key_file.read_bytes()
    with Fetches(scene.old["bot-one"]) as load:
        took = scene.run("master-key", scene.directory, *AGENTS)
        load.wait_for_more()
    assert load.faults == []
    now = keys(scene.control_plane)
    for purpose in ("catalog", "region:us-west", "signing:us-west"):
        assert not {row["key"] for row in now[purpose]} & scene.ids(purpose)
    stolen = scene.directory / "old.key"
    stolen.write_bytes(old_key)
    stolen.chmod(0o600)
    place = scene.control_plane.command("rotate", "status")[:-1]
    refused = subprocess.run([*place, str(stolen)], env=programs.clean_environment(), capture_output=True, text=True)
    assert refused.returncode == 1 and "the master key does not open key" in refused.stderr
    check_credentials(scene)
    print(f"a stolen master key: {took:.1f} s with {len(AGENTS)} agents")


def test_a_runbook_can_be_run_again(scene):
    scene.run("signing-key", "us-west", scene.directory, *AGENTS[:1])
    first = scene.new(AGENTS[0])
    before = keys(scene.control_plane)["signing:us-west"]
    scene.run("signing-key", "us-west", scene.directory, *AGENTS)
    assert scene.new(AGENTS[0]).identity == first.identity
    assert keys(scene.control_plane)["signing:us-west"] == before
    check_credentials(scene)
