"""Fixtures of every test that runs built programs. Support code is imported as `support.…`."""

import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from support import official_cli, programs  # noqa: E402
from support.recording_proxy import RecordingProxy  # noqa: E402
from support.replicas import new_control_plane  # noqa: E402


def pytest_sessionstart():
    """A runner in the background, or under nohup, ignores signals, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


# Files whose tests take longest, most of it waiting. A worker takes whole files, and would run one of these alone at the end.
LONG = ("integration/test_postgresql_faults.py", "integration/test_backup.py", "security/test_authority_codes.py",
        "e2e/test_cli_secrets.py", "integration/test_move.py", "integration/test_rotation.py", "integration/test_patroni.py")


def pytest_collection_modifyitems(items):
    """Long files first."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.fixture
def control_plane(tmp_path):
    """A fresh control plane, up on loopback."""
    with new_control_plane(tmp_path / "control-plane") as running:
        yield running


@pytest.fixture
def rest(control_plane):
    return control_plane.rest()


@pytest.fixture
def proxy(control_plane):
    """Between the CLI and the control plane: records requests, and can answer or cut them."""
    with RecordingProxy(control_plane.url) as recording:
        yield recording


@pytest.fixture
def make_cli(control_plane, proxy, tmp_path):
    """A function that makes an official CLI of a release, pointed at the control plane through the
    recording proxy."""
    def make(release):
        if not release.installed():
            pytest.skip(f"the official CLI {release} is not installed; run script/bootstrap")
        return official_cli.OfficialCli(
            proxy.url, control_plane.token, control_plane.organization, tmp_path / "home", release
        )
    return make


@pytest.fixture
def cli(make_cli):
    """The newest official CLI."""
    return make_cli(official_cli.NEWEST)


@pytest.fixture
def older_cli(make_cli):
    return make_cli(official_cli.OLDER)


@pytest.fixture(params=[official_cli.NEWEST, official_cli.OLDER], ids=str)
def either_cli(make_cli, request):
    """The test runs once with each release of the CLI."""
    return make_cli(request.param)


def pytest_report_header():
    return f"programs: {programs.build_directory()}"
