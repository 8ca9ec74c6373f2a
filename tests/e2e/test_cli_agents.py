"""The official CLI's smaller commands: agents, regions, organizations, tokens."""

from support.official_cli import OfficialCli


def test_agents_are_listed_shown_and_deleted(cli, rest):
    assert rest.deploy("bot").status == 200
    assert "bot" in cli.succeeds("agent", "list")
    assert "bot" in cli.succeeds("agent", "status", "bot")
    cli.succeeds("agent", "delete", "bot", "--force")
    assert rest.org("GET", "services/bot").status == 404
    assert "not found" in cli.fails("agent", "delete", "bot", "--force").lower()


def test_an_empty_organization_has_no_agents(cli, rest):
    assert rest.org("GET", "services").body == {"services": []}
    assert "No agents found" in cli.fails("agent", "list")


def test_the_status_of_an_unknown_agent_is_not_found(cli):
    assert "No deployment data found" in cli.fails("agent", "status", "nobody")


def test_regions_are_listed(cli):
    assert "us-west" in cli.succeeds("regions", "list")


def test_organizations_are_listed(cli, control_plane):
    assert control_plane.organization in cli.succeeds("organizations", "list")


def test_a_bad_token_is_unauthorized(cli, proxy, control_plane, tmp_path):
    stranger = OfficialCli(proxy.url, "pcc_pat_nobody", control_plane.organization, tmp_path / "stranger")
    for command in (("secrets", "list"), ("agent", "list"), ("secrets", "set", "set1", "A=1", "--skip")):
        output = stranger.fails(*command)
        assert "Unauthorized" in output or "nauthorized" in output
    assert proxy.bodies("PUT") == []


def test_a_bad_token_is_answered_401_with_the_code_as_text(control_plane):
    answer = control_plane.rest(token="pcc_pat_nobody").org("GET", "secrets")
    assert (answer.status, answer.body["code"]) == (401, "401")


def test_without_an_organization_the_first_one_is_used(proxy, control_plane, rest, tmp_path):
    rest.put_secrets("set1", A="1")
    anyone = OfficialCli(proxy.url, control_plane.token, None, tmp_path / "anyone")
    assert "set1" in anyone.succeeds("secrets", "list")
    assert proxy.requests() == ["GET /v1/organizations", "GET secrets"]


def test_a_foreign_organization_is_forbidden(cli, rest):
    output = cli.fails("secrets", "list", "-o", "other")
    assert "403" in output
    answer = rest.request("GET", "/v1/organizations/other/secrets")
    assert (answer.status, answer.body["code"]) == (403, "403")


def test_with_the_server_gone_the_cli_claims_success(cli, control_plane):
    """A limitation of the client, stated in our documentation: check with `secrets list`."""
    control_plane.stop()
    assert "success" in cli.succeeds("secrets", "set", "set1", "A=1", "--skip")
    assert "set1" not in cli.fails("secrets", "list")
