"""Machines with the package; script/e2e-packages has made both, and names the suites in $AGENT_SECRETS_SUITES."""

import os
import pathlib
import shutil
import tempfile

import pytest
from support import programs
from support.machine import Machine

BUILT = programs.ROOT / "build" / "packages"


class Suite:
    def __init__(self, name):
        self.name = name
        self.machine = BUILT / name / "machine"
        (self.package,) = (BUILT / name / "new").glob("*.deb")
        (self.older_package,) = (BUILT / name / "old").glob("*.deb")


@pytest.fixture(params=os.environ.get("AGENT_SECRETS_SUITES", "bookworm").split())
def suite(request):
    return Suite(request.param)


@pytest.fixture
def machine(suite):
    """Fresh, without the package."""
    directory = pathlib.Path(tempfile.mkdtemp(dir=BUILT))
    with Machine(suite.machine, directory / "machine") as booted:
        yield booted
    shutil.rmtree(directory)


@pytest.fixture
def served(machine, suite):
    """With the package, an organization, and the running service."""
    machine.install(suite.package)
    machine.run("agent-secrets", "init", "--organization", "acme")
    machine.run("systemctl", "start", "secret-control-plane")
    return machine
