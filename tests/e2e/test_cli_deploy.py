"""The official CLI deploys agents, and is refused where it has to be."""

import pytest
from support.programs import ROOT


@pytest.fixture
def ready_set(rest, control_plane):
    """The name of a set that is ready."""
    rest.put_secrets("set1", A="1")
    control_plane.wait_ready("set1")
    return "set1"


def agent(rest, name="bot"):
    return rest.org("GET", f"services/{name}").body["body"]


def test_deploy_creates_an_agent(cli, proxy, rest, ready_set):
    output = cli.succeeds("deploy", "bot", "demo/bot:1", "--secrets", ready_set, "--yes")
    assert "is ready" in output
    assert proxy.requests()[:4] == ["GET properties", "GET services/bot", "GET secrets/set1", "POST services"]
    assert set(proxy.requests()[4:]) == {"GET services/bot"}
    found = agent(rest)
    assert found["reconciledDeploymentId"] == found["desiredDeploymentId"]
    assert found["ready"] and found["available"]


def test_the_examples_deploy_file_is_all_that_the_cli_needs(cli, proxy, rest, control_plane):
    rest.put_secrets("tone-bot-secrets", TONE_API_KEY="sk-1")
    control_plane.wait_ready("tone-bot-secrets")
    proxy.forget()
    output = cli.succeeds("deploy", "--config-file", ROOT / "examples" / "bot" / "pcc-deploy.toml", "--yes")
    assert "is ready" in output
    body = proxy.bodies("POST")[0]
    assert body["serviceName"] == "tone-bot"
    assert body["image"] == "registry.example/tone-bot:1"
    assert body["secretSet"] == "tone-bot-secrets"
    assert body["autoScaling"] == {"minAgents": 1, "maxAgents": 5}
    assert agent(rest, "tone-bot")["ready"]


def test_deploy_waits_for_nobody_while_the_set_is_pending(cli, rest, control_plane):
    rest.put_secrets("set1", A="1")
    control_plane.wait_ready("set1")
    # Single-key writes keep the set pending for the quiet period; the CLI alone is too slow for it.
    body = {"name": "set1", "secretKey": "B", "secretValue": "2"}
    assert rest.org("PUT", "secrets/set1", body).status == 202
    answer = rest.deploy("bot", secretSet="set1")
    assert (answer.status, answer.body["code"]) == (409, "409")
    assert "not yet ready" in answer.body["error"] and "[" not in answer.body["error"]
    assert rest.org("GET", "services/bot").status == 404
    control_plane.wait_ready("set1")
    assert "is ready" in cli.succeeds("deploy", "bot", "demo/bot:1", "--secrets", "set1", "--yes")


def test_the_cli_shows_a_409(cli, proxy, ready_set, rest):
    refusal = {"error": "Secret set 'set1' is not yet ready. Retry once it has been provisioned.", "code": "409"}
    proxy.answer("POST", "services", 409, refusal)
    output = cli.fails("deploy", "bot", "demo/bot:1", "--secrets", ready_set, "--yes")
    assert "409" in output and "is not yet ready" in output
    assert rest.org("GET", "services/bot").status == 404


def test_another_region_is_refused(rest, ready_set):
    answer = rest.deploy("bot", secretSet=ready_set, region="mars")
    assert answer.status == 400
    assert rest.org("GET", "services/bot").status == 404
    assert rest.deploy("bot", secretSet=ready_set).status == 200
    assert rest.redeploy("bot", region="mars").status == 400


def test_an_unknown_set_stops_the_cli_before_the_post(either_cli, proxy, rest):
    assert "not found" in either_cli.fails("deploy", "bot", "demo/bot:1", "--secrets", "nope", "--yes")
    assert "POST services" not in proxy.requests()
    assert rest.deploy("bot", secretSet="nope").status == 404


def test_deploying_the_same_again_only_warns(cli, proxy, rest, ready_set):
    before = rest.deploy("bot", secretSet=ready_set).body["desiredDeploymentId"]
    output = cli.succeeds("deploy", "bot", "demo/bot:1", "--secrets", ready_set, "--yes")
    assert "Warning" in output
    assert "PUT services" in proxy.requests()
    assert agent(rest)["desiredDeploymentId"] == before


def test_force_makes_a_new_deployment(cli, proxy, rest, ready_set):
    before = rest.deploy("bot", secretSet=ready_set).body["desiredDeploymentId"]
    cli.succeeds("deploy", "bot", "demo/bot:1", "--secrets", ready_set, "--force")
    assert proxy.bodies("PUT")[0]["forceRedeploy"] is True
    assert agent(rest)["desiredDeploymentId"] != before


def test_new_values_need_force(cli, control_plane, rest, ready_set):
    before = rest.deploy("bot", secretSet=ready_set).body["desiredDeploymentId"]
    rest.put_secrets(ready_set, A="2")
    control_plane.wait_ready(ready_set)
    cli.succeeds("deploy", "bot", "demo/bot:1", "--secrets", ready_set, "--yes")
    assert agent(rest)["desiredDeploymentId"] == before
    cli.succeeds("deploy", "bot", "demo/bot:1", "--secrets", ready_set, "--force")
    assert agent(rest)["desiredDeploymentId"] != before


@pytest.mark.parametrize("name", ["b", "Bot", "bot-", "a" * 55])
def test_a_bad_agent_name_is_refused(rest, name):
    answer = rest.deploy(name)
    assert (answer.status, answer.body["code"]) == (400, "400")


def test_an_existing_agent_is_not_created_twice(rest):
    assert rest.deploy("bot").status == 200
    answer = rest.deploy("bot")
    assert (answer.status, answer.body["error"]) == (400, "Service already exists")
    assert rest.redeploy("nobody").status == 404


def test_a_git_source_is_refused(rest):
    answer = rest.org("POST", "services", {"serviceName": "bot", "git": {"repoFullName": "a/b", "branch": "main"}})
    assert answer.status == 400
    assert rest.org("GET", "services/bot").status == 404
