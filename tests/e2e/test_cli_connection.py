"""How the official CLI reaches a server, and what it makes of one that it does not reach."""

import pytest

from support import tls
from support.control_plane import Tls
from support.official_cli import NEWEST, OLDER, OfficialCli
from support.replicas import new_control_plane


@pytest.mark.parametrize("release", [NEWEST, OLDER], ids=str)
def test_a_private_authority_is_trusted_through_the_environment(release, tmp_path):
    if not release.installed():
        pytest.skip(f"the official CLI {release} is not installed; run script/bootstrap")
    authority = tls.Authority(tmp_path / "authority")
    certificate, key = authority.server_certificate()
    server = new_control_plane(tmp_path / "control-plane", tls=Tls(certificate, key, authority.certificate))
    with server:
        cli = OfficialCli(server.url, server.token, server.organization, tmp_path / "home", release)
        # To a client that does not trust it, the server is not there, and this is what it claims then.
        assert "success" in cli.succeeds("secrets", "set", "set1", "A=1", "--skip")
        cli.environment["SSL_CERT_FILE"] = str(authority.certificate)
        assert "No secret" in cli.fails("secrets", "list")
        cli.succeeds("secrets", "set", "set1", "A=1", "--skip")
        assert "set1" in cli.succeeds("secrets", "list")


def test_a_host_with_a_trailing_slash_is_the_same_host(either_cli, control_plane, rest):
    """The CLI asks for //v1/…"""
    either_cli.environment["PIPECAT_API_HOST"] = control_plane.url + "/"
    either_cli.succeeds("secrets", "set", "set1", "A=1", "--skip")
    assert "set1" in either_cli.succeeds("secrets", "list")
    assert rest.org("GET", "secrets/set1").status == 200


def test_a_host_with_a_path_that_nobody_strips_is_an_error(cli, proxy):
    cli.environment["PIPECAT_API_HOST"] += "/pipecat"
    assert "Error - 404" in cli.fails("agent", "list")
    assert proxy.requests() == ["GET /pipecat/v1/organizations/acme/services?include=git"]


def test_with_the_server_gone_the_cli_claims_success(either_cli, control_plane):
    """A limitation of the client, stated in our documentation: check with `secrets list`."""
    control_plane.stop()
    assert "success" in either_cli.succeeds("secrets", "set", "set1", "A=1", "--skip")
    assert "set1" not in either_cli.fails("secrets", "list")


def test_with_the_server_gone_a_deploy_does_not_claim_success(cli, control_plane):
    control_plane.stop()
    finished = cli.run("deploy", "bot", "demo/bot:1", "--region", "us-west", "--yes")
    assert finished.returncode == 1 and "is ready" not in finished.stdout
