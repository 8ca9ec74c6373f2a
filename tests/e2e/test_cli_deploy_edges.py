"""Deploys at the edge: what the older CLI sends, options and deploy files, failed sets, lost answers."""

from support.official_cli import NEWEST
from support.wait import wait_for

DEPLOY = ("deploy", "bot", "demo/bot:1", "--yes")


def agent(rest, name="bot"):
    return rest.org("GET", f"services/{name}").body["body"]


def specification(rest):
    return agent(rest)["deployment"]["manifest"]["spec"]


def test_an_older_deploy_creates_an_agent(older_cli, proxy, rest, control_plane):
    rest.put_secrets("set1", A="1")
    control_plane.wait_ready("set1")
    assert "Agent deployment 'bot' is ready" in older_cli.succeeds(*DEPLOY, "--secrets", "set1")
    assert proxy.requests()[:4] == ["GET properties", "GET services/bot", "GET secrets/set1", "POST services"]
    assert proxy.bodies("POST")[0]["enableKrisp"] is False
    assert agent(rest)["ready"]


def test_an_older_deploy_of_the_same_warns_and_force_deploys(older_cli, rest):
    rest.deploy("bot")
    before = agent(rest)["desiredDeploymentId"]
    assert "Warning" in older_cli.succeeds(*DEPLOY)
    assert agent(rest)["desiredDeploymentId"] == before
    assert "is ready" in older_cli.succeeds("deploy", "bot", "demo/bot:1", "--force")
    assert agent(rest)["desiredDeploymentId"] != before


def test_a_set_without_keys_is_deployed_by_the_newest_cli_alone(either_cli, control_plane, proxy, rest):
    rest.put_secrets("set1", A="1")
    rest.org("DELETE", "secrets/set1/A")
    control_plane.wait_ready("set1")
    if either_cli.release == NEWEST:
        assert "is ready" in either_cli.succeeds(*DEPLOY, "--secrets", "set1")
    else:
        assert "not found" in either_cli.fails(*DEPLOY, "--secrets", "set1")
        assert "POST services" not in proxy.requests()


def test_without_credentials_or_yes_nothing_is_deployed(either_cli, proxy):
    assert "require an image pull secret" in either_cli.fails("deploy", "bot", "demo/bot:1")
    assert proxy.requests() == []


def test_every_option_reaches_the_agent(cli, proxy, rest):
    cli.succeeds(*DEPLOY, "--region", "us-west", "--profile", "agent-2x", "--max-session-duration", 900,
                 "--krisp-viva-audio-filter", "tel", "--architecture", "arm64", "--min-agents", 1, "--max-agents", 4)
    assert proxy.requests()[:3] == ["GET regions", "GET services/bot", "POST services"]
    found = agent(rest)
    assert (found["region"], found["agentProfile"]) == ("us-west", "agent-2x")
    assert found["krispViva"] == {"audioFilter": "tel"}
    assert found["autoScaling"] == {"minReplicas": 1, "maxReplicas": 4}
    assert specification(rest)["maxSessionDurationSeconds"] == 900
    assert specification(rest)["arch"] == "arm64"
    shown = cli.succeeds("agent", "status", "bot")
    assert all(word in shown for word in ("agent-2x", "tel", "Min Agents: 1", "Max Agents: 4"))


def test_resources_reach_the_agent(cli, rest):
    cli.succeeds(*DEPLOY, "--resources", "cpu=1,memory=2Gi")
    assert specification(rest)["resources"] == {"cpu": "1", "memory": "2Gi"}


def test_the_server_refuses_a_bad_agent_name_and_says_why(either_cli, rest):
    output = either_cli.fails("deploy", "Bot", "demo/bot:1", "--yes")
    assert "Error - 400" in output and "lower-case" in output
    assert rest.org("GET", "services").body == {"services": []}


def test_an_image_without_a_tag_is_taken_as_an_argument_and_refused_in_a_file(cli, proxy, rest):
    cli.succeeds("deploy", "bot", "demo/bot", "--yes")
    assert specification(rest)["image"] == "demo/bot"
    proxy.forget()
    deploy_file(cli, 'agent_name = "bot"\nimage = "demo/bot"\n')
    assert "Error loading deploy config" in cli.fails("deploy", "--yes")
    assert proxy.requests() == []


def test_a_wrong_or_missing_deploy_file_is_refused_before_any_request(either_cli, proxy):
    wrong = {"member.toml": 'agent_name = "bot"\ncolour = "red"\n', "both.toml": 'image = "a:1"\nbuild_id = "b"\n'}
    for name, text in wrong.items():
        (either_cli.home / name).write_text(text)
    commands = [("deploy", "bot", "--config-file", name, "--yes") for name in (*wrong, "nowhere.toml")]
    for output in either_cli.fails_all(commands):
        assert "Error loading deploy config" in output or "nowhere.toml" in output
    assert proxy.requests() == []


def test_an_empty_secret_set_in_the_deploy_file_unbinds_it(either_cli, proxy, rest, control_plane):
    rest.put_secrets("set1", A="1")
    control_plane.wait_ready("set1")
    rest.deploy("bot", secretSet="set1")
    deploy_file(either_cli, 'agent_name = "bot"\nimage = "demo/bot:1"\nsecret_set = ""\n')
    assert "is ready" in either_cli.succeeds("deploy", "--yes")
    assert proxy.bodies("PUT")[0]["secretSet"] == ""
    assert "envFromSecretNames" not in specification(rest)


def test_scaling_alone_makes_no_new_deployment(cli, rest):
    rest.deploy("bot")
    before = agent(rest)["desiredDeploymentId"]
    assert "Nothing to deploy" not in cli.succeeds(*DEPLOY, "--min-agents", 2)
    assert agent(rest)["autoScaling"]["minReplicas"] == 2
    cli.succeeds(*DEPLOY)  # which says 0 by saying nothing
    assert agent(rest)["autoScaling"]["minReplicas"] == 0
    assert agent(rest)["desiredDeploymentId"] == before


def test_an_update_is_answered_with_the_new_deployment_already_desired(rest):
    """Or else the first poll would take the old deployment's readiness for the new one's."""
    old = rest.deploy("bot").body["desiredDeploymentId"]
    answer = rest.redeploy("bot")
    assert answer.body["desiredDeploymentId"] != old
    assert agent(rest)["desiredDeploymentId"] == answer.body["desiredDeploymentId"]
    assert answer.body["reconciledDeploymentId"] in (answer.body["desiredDeploymentId"], old)


def test_a_failed_set_is_listed_and_refused_until_it_is_written_again(cli, control_plane, rest):
    rest.put_secrets("set1", A="1")
    body = {"secretKey": "A", "secretValue": "2", "isImagePullSecret": False}
    assert rest.org("PUT", "secrets/set1", body).status == 202
    control_plane.kill()  # within the quiet period
    control_plane.damage_values(2)
    control_plane.start()
    # On PostgreSQL the lease of the killed provisioner must end first.
    wait_for(lambda: rest.set_status("set1") == "failed", 30, "the version failing")

    shown = cli.succeeds("secrets", "list", "set1")
    assert "(status: failed)" in shown
    assert rest.org("GET", "secrets/set1").body["errorMessage"] in shown
    output = cli.fails(*DEPLOY, "--secrets", "set1")
    assert "Error - 409" in output and "set1" in output and "failed" in output
    assert rest.org("GET", "services/bot").status == 404

    rest.put_secrets("set1", A="3")
    control_plane.wait_ready("set1")
    assert "is ready" in cli.succeeds(*DEPLOY, "--secrets", "set1")


def test_a_deploy_survives_a_restart_of_the_server(cli, control_plane, proxy):
    proxy.after("POST", "services", control_plane.kill)
    with cli.start(*DEPLOY) as deploying:
        # The poll and, as its connection breaks, its repetition.
        wait_for(lambda: proxy.requests().count("GET services/bot") >= 3, 20, "the first poll")
        control_plane.start()
        output, _ = deploying.communicate(timeout=30)
    assert deploying.returncode == 0, output
    assert "Agent deployment 'bot' is ready" in output


def test_a_create_whose_answer_was_lost_is_found_by_the_next_deploy(cli, proxy, rest):
    """A POST is not repeated: the CLI reports a failure although the agent is there."""
    proxy.cut_answer("POST", "services")
    cli.fails(*DEPLOY)
    assert proxy.requests().count("POST services") == 1
    assert agent(rest)["ready"]
    assert "is ready" in cli.succeeds(*DEPLOY)
    assert "PUT services" in proxy.requests()


def deploy_file(cli, text):
    (cli.home / "pcc-deploy.toml").write_text(text)
