"""What Pipecat Cloud offers and we do not: the official CLI shows the sentence and exits with 1. It never
claims a success, prints a traceback or polls for what will not come."""

import concurrent.futures
import dataclasses
import os

import pytest

from support.official_cli import NEWEST, OLDER, OfficialCli
from support.recording_proxy import RecordingProxy
from support.replicas import new_control_plane

BUILDS = "does not build images"
LOGS = "Their logs are where you run their containers"
REGIONS = "with secret-control-plane region"
PROFILES = "has no agent profiles"
REGISTRY = "has no image registry"
BILLS = "bills nobody"
GITHUB = "is not connected to GitHub"
GIT_OF_BOT = "services/bot/environments/production/git"

# What is typed (the agent "bot" exists, and a Dockerfile): the last request, and what is shown.
BOTH = {
    "deploy new --yes": ("POST builds/upload-url", BUILDS),
    "deploy new --build-id 9b2f4a1c-0000-4000-8000-000000000000 --yes": ("POST services", "Build not found"),
    "build status b1": ("GET builds/b1", BUILDS),
    "build logs b1": ("GET builds/b1/logs?limit=500", BUILDS),
    "agent logs bot": ("GET services/bot/logs?limit=100", LOGS),
}
NEWEST_ALONE = {
    "deploy new --repo owner/name --branch main --yes": ("POST services", "does not deploy from a repository"),
    "secrets reference app --region us-west": ("POST secrets/references", "Use secrets set"),
    "regions register pce-acme": ("POST regions", REGIONS),
    "regions show us-west": ("GET regions/us-west", REGIONS),
    "regions delete us-west --yes": ("DELETE regions/us-west", REGIONS),
    "regions enroll-token us-west": ("POST regions/us-west/enrollment-tokens", REGIONS),
    "agent profiles list": ("GET agent-profiles", PROFILES),
    "agent profiles create large --cpu 2 --memory 4Gi": ("POST agent-profiles", PROFILES),
    "agent profiles update large --cpu 2 --memory 4Gi": ("PATCH agent-profiles/large", PROFILES),
    "agent profiles enable large": ("PATCH agent-profiles/large", PROFILES),
    "agent profiles disable large": ("PATCH agent-profiles/large", PROFILES),
    "organizations registry-keys list": ("GET registry-keys", REGISTRY),
    "organizations registry-keys mint --name ci": ("POST registry-keys", REGISTRY),
    "organizations registry-keys revoke k1 --force": ("DELETE registry-keys/k1", REGISTRY),
    "spend-limit show": ("GET spend-limit", BILLS),
    "spend-limit set 10 --yes": ("GET spend-limit", BILLS),
    "spend-limit clear --yes": ("PUT spend-limit", BILLS),
    "github status": ("GET github/installation", GITHUB),
    "github connect": ("GET github/installation", GITHUB),
    "github disconnect --yes": ("DELETE github/installation", GITHUB),
    "github repos": ("GET github/repositories", GITHUB),
    "github branches owner/name": ("GET github/repositories/owner/name/branches", GITHUB),
    "agent link bot --repo owner/name --branch main": (f"POST {GIT_OF_BOT}", GITHUB),
    "agent unlink bot --force": (f"DELETE {GIT_OF_BOT}", GITHUB),
    "agent deploy bot --github": (f"POST {GIT_OF_BOT}/deploy", GITHUB),
}
CASES = [(NEWEST, command) for command in (*BOTH, *NEWEST_ALONE)] + [(OLDER, command) for command in BOTH]


@dataclasses.dataclass(frozen=True)
class Shown:
    returncode: int
    text: str
    requests: list


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What each case showed: all of them on one control plane, as many at once as there are cores."""
    if not (NEWEST.installed() and OLDER.installed()):
        pytest.skip("an official CLI is not installed; run script/bootstrap")
    directory = tmp_path_factory.mktemp("declined")
    with (new_control_plane(directory / "control-plane") as control_plane,
          concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool):
        control_plane.rest().deploy("bot")

        def run(number, case):
            release, command = case
            with RecordingProxy(control_plane.url) as proxy:
                cli = OfficialCli(proxy.url, control_plane.token, control_plane.organization,
                                  directory / f"home{number}", release)
                (cli.home / "Dockerfile").write_text("FROM scratch\n")
                finished = cli.run(*command.split())
                return Shown(finished.returncode, finished.stdout, proxy.requests())

        yield dict(zip(CASES, pool.map(run, range(len(CASES)), CASES)))


@pytest.mark.parametrize("release, command", CASES, ids=str)
def test_what_is_not_offered_is_declined_with_a_sentence(shown, release, command):
    request, sentence = {**BOTH, **NEWEST_ALONE}[command]
    found = shown[release, command]
    assert sentence in found.text
    assert "Traceback" not in found.text and "uccess" not in found.text
    assert found.requests[-1] == request
    if release == NEWEST:
        assert found.returncode == 1


def test_a_cloud_build_is_looked_for_and_declined_before_anything_is_uploaded(shown):
    asked = shown[NEWEST, "deploy new --yes"].requests
    assert [each.split("?")[0] for each in asked] == ["GET properties", "GET builds", "POST builds/upload-url"]


def test_declined_deploys_leave_no_agent(cli, rest):
    cli.fails_all([("deploy", "new", "--repo", "owner/name", "--branch", "main", "--yes"),
                   ("deploy", "new", "--build-id", "b1", "--yes")])
    assert rest.org("GET", "services").body == {"services": []}


def test_there_are_no_builds(either_cli):
    assert "No builds found" in either_cli.succeeds("build", "list")


def test_scale_is_not_implemented_by_the_cli_itself(either_cli, proxy):
    assert "Not implemented" in either_cli.succeeds("agent", "scale")
    assert proxy.requests() == []


def test_building_an_image_asks_the_server_nothing(either_cli, proxy):
    assert "Registry type is required" in either_cli.fails("docker", "build-push", "bot")
    assert proxy.requests() == []


def test_a_session_that_cannot_be_stopped_is_not_claimed_to_be(either_cli, proxy, rest):
    rest.deploy("bot")
    output = either_cli.fails("agent", "stop", "bot", "--session-id", "unknown", "--force")
    assert "Error" in output and "uccess" not in output
    assert proxy.requests() == ["DELETE services/bot/sessions/unknown"]


def test_a_start_with_a_key_that_nobody_has_is_unauthorized(either_cli, proxy, rest):
    rest.deploy("bot")
    output = either_cli.fails("agent", "start", "bot", "--api-key", "pk_nobody", "--force")
    assert "nauthorized" in output and "started successfully" not in output
    assert proxy.requests() == ["GET services/bot", "POST /v1/public/bot/start"]


def test_without_a_public_key_or_an_agent_nothing_is_started(either_cli, proxy):
    assert "No public API key provided" in either_cli.fails("agent", "start", "bot", "--force")
    assert "does not exist" in either_cli.fails("agent", "start", "bot", "--api-key", "pk_nobody", "--force")
    assert proxy.requests() == ["GET services/bot"]
