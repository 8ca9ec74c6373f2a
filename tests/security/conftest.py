import pytest

from support import protocol
from support.control_plane import ControlPlane


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        rest = running.rest()
        for name, value in (("bot", "for-bot"), ("other", "for-other")):
            assert rest.put_secrets(f"{name}-secrets", OWNER=value).status == 202
            running.wait_ready(f"{name}-secrets")
            assert rest.deploy(name, secretSet=f"{name}-secrets").status == 200
        yield running


@pytest.fixture(scope="module")
def credential(control_plane):
    return protocol.Credential.parse(control_plane.issue_credential("bot"))


@pytest.fixture(scope="module")
def other_credential(control_plane):
    return protocol.Credential.parse(control_plane.issue_credential("other"))
