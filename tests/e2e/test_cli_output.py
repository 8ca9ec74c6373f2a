"""What programs read of the official CLI 1.4.0: JSON and plain lines. What a person sees is in test_cli_prompts.py."""

import json
import subprocess

import pytest


@pytest.fixture
def filled(control_plane, rest):
    """A set and an agent that uses it."""
    rest.put_secrets("set1", A="1")
    control_plane.wait_ready("set1")
    assert rest.deploy("bot", secretSet="set1").status == 200


def as_json(cli, *command):
    return cli.run("--output", "json", *command, stderr=subprocess.PIPE)


def test_listings_as_json_are_one_object(cli, filled):
    cli.environment["PIPECAT_OUTPUT"] = "json"
    listings = {
        ("secrets", "list"): "secretSets",
        ("secrets", "list", "set1"): "secrets",
        ("agent", "list"): "agents",
        ("agent", "status", "bot"): "deployment",
        ("agent", "deployments", "bot"): "deployments",
        ("regions", "list"): "regions",
        ("organizations", "list"): "organizations",
        ("organizations", "properties", "list"): "defaultRegion",
        ("organizations", "properties", "schema"): "defaultRegion",
    }
    for finished, (command, member) in zip(cli.run_all(listings, stderr=subprocess.PIPE), listings.items()):
        assert finished.returncode == 0, finished.stderr
        assert member in json.loads(finished.stdout), command


def test_plain_listings_are_lines_of_tabs(cli, filled):
    lines = cli.succeeds("secrets", "list").splitlines()
    assert lines[-2:] == ["Secret Set Name\tRegion\tStatus\tType", "set1\tus-west\tready\tSecret Set"]


def test_a_deploy_as_json_names_the_deployment(cli, rest):
    finished = as_json(cli, "deploy", "bot", "demo/bot:1", "--yes")
    assert finished.returncode == 0, finished.stderr
    assert rest.org("GET", "services/bot").body["body"]["desiredDeploymentId"] in finished.stdout
    json.loads(finished.stdout)


def test_an_error_as_json_is_the_servers(cli):
    finished = as_json(cli, "deploy", "Bot", "demo/bot:1", "--yes")
    assert finished.returncode == 1
    assert json.loads(finished.stdout)["error"]["code"] == "400"


def test_an_unknown_mode_is_a_usage_error(cli, proxy):
    assert "xml" in cli.fails("--output", "xml", "secrets", "list", code=2)
    assert proxy.requests() == []


def test_debug_output_shows_values(either_cli):
    """A limitation of the client, which our documentation warns of."""
    either_cli.environment["PIPECAT_CLI_LOG_LEVEL"] = "DEBUG"
    assert "sk-shown" in either_cli.succeeds("secrets", "set", "set1", "A=sk-shown", "--skip")
