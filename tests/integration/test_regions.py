"""Regions that are added while the server runs."""

import concurrent.futures
import json

import pytest

from support import official_cli
from support.control_plane import ControlPlane
from support.instance import injected_environment
from support.wait import wait_for

PAIR = {"secrets": [{"secretKey": "A", "secretValue": "of-eu"}]}


def codes(rest):
    return [row["code"] for row in rest.org("GET", "regions").body["regions"]]


@pytest.fixture(scope="module")
def two_regions(tmp_path_factory):
    """A control plane with us-west and eu-central, both served."""
    with ControlPlane(tmp_path_factory.mktemp("two-regions")) as control_plane:
        control_plane.run("region", "add", "eu-central", "--display-name", "Europe (Frankfurt)")
        wait_for(lambda: "eu-central" in codes(control_plane.rest()), what="eu-central being served")
        yield control_plane


def test_a_region_is_offered_by_the_server_that_runs_when_it_is_added(control_plane, rest, tmp_path):
    assert codes(rest) == ["us-west"]
    added = control_plane.run("region", "add", "eu-central")
    assert "eu-central' is ready" in added.stderr
    wait_for(lambda: codes(rest) == ["us-west", "eu-central"], what="eu-central being served")

    assert rest.org("PUT", "secrets/eu-secrets", {**PAIR, "region": "eu-central"}).status == 202
    control_plane.wait_ready("eu-secrets")
    assert rest.deploy("eu-bot", secretSet="eu-secrets", region="eu-central").status == 200
    credential = control_plane.issue_credential("eu-bot")
    assert injected_environment(credential, tmp_path)["A"] == b"of-eu"
    control_plane.restart()
    assert codes(rest) == ["us-west", "eu-central"]


def test_an_instance_fetches_from_the_second_region(two_regions, tmp_path):
    rest = two_regions.rest()
    assert rest.org("PUT", "secrets/eu-secrets", {**PAIR, "region": "eu-central"}).status == 202
    two_regions.wait_ready("eu-secrets")
    elsewhere = rest.deploy("eu-bot", secretSet="eu-secrets")
    assert elsewhere.status == 400
    assert "'eu-central'" in elsewhere.body["error"] and "'us-west'" in elsewhere.body["error"]
    assert rest.deploy("eu-bot", secretSet="eu-secrets", region="eu-central").status == 200
    environment = injected_environment(two_regions.issue_credential("eu-bot"), tmp_path)
    assert environment["A"] == b"of-eu"


def test_a_set_name_is_taken_in_every_region(two_regions):
    rest = two_regions.rest()
    assert rest.put_secrets("taken", A="1").status == 202
    answer = rest.org("PUT", "secrets/taken", {**PAIR, "region": "eu-central"})
    assert answer.status == 400
    assert "'us-west'" in answer.body["error"] and "'eu-central'" in answer.body["error"]


def test_regions_are_listed_in_the_order_in_which_they_were_added(two_regions):
    assert json.loads(two_regions.run("region", "list", "--json").stdout) == [
        {"code": "us-west", "displayName": "us-west"},
        {"code": "eu-central", "displayName": "Europe (Frankfurt)"},
    ]
    assert "Europe (Frankfurt)" in two_regions.run("region", "list").stdout


@pytest.mark.parametrize("code, says", [
    ("us-west", "Region 'us-west' already exists"), ("../x", "Invalid region"), ("EU", "Invalid region"),
])
def test_a_region_that_cannot_be_is_refused_with_a_sentence(two_regions, code, says):
    refused = two_regions.run("region", "add", code, check=False)
    assert refused.returncode == 1
    assert says in refused.stderr


def test_the_default_region_set_by_the_official_cli_is_where_new_sets_go(two_regions, tmp_path):
    if not official_cli.installed():
        pytest.skip("the official CLI is not installed; run script/bootstrap")
    two_regions.run("organization", "add", "travelling")
    token = two_regions.run("token", "create", "cli", "--organization", "travelling").stdout.strip()
    cli = official_cli.OfficialCli(two_regions.url, token, "travelling", tmp_path)
    cli.succeeds("organizations", "default-region", "eu-central")
    assert "eu-central" in cli.succeeds("organizations", "properties", "list")
    assert "eu-central" in cli.succeeds("secrets", "set", "here", "A=1", "--skip")
    assert "mars" in cli.fails("organizations", "default-region", "mars")


def test_commands_beside_a_busy_server_fail_nothing_and_break_nothing(two_regions):
    rest = two_regions.rest()
    assert rest.put_secrets("busy", A="0").status == 202

    def write(number):
        return rest.put_secrets("busy", A=str(number)).status

    commands = [
        ("region", "list"), ("set", "status", "busy", "--organization", "acme"),
        ("set", "wait", "busy", "--organization", "acme"), ("fleet", "--organization", "acme"),
        ("region", "add", "ap-south"), ("token", "create", "beside", "--organization", "acme"),
    ]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = [pool.submit(write, number) for number in range(60)]
        finished = list(pool.map(lambda command: two_regions.run(*command, check=False), commands))
    assert [(each.args[1:3], each.stderr) for each in finished if each.returncode] == []
    assert {each.result() for each in statuses} == {202}
    two_regions.wait_ready("busy")
