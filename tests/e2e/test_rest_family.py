"""The paths of a private key, below /v1: what scripts and the official deploy action send. The same resources
as the CLI's, with names for error codes and agents where the CLI says services."""

import pytest


def test_sets_are_written_listed_read_and_deleted(control_plane, rest):
    pairs = {"secrets": [{"secretKey": "A", "secretValue": "1"}, {"secretKey": "B", "secretValue": "2"}]}
    written = rest.request("PUT", "/v1/secrets/set1", pairs)
    assert (written.status, written.body) == (202, {"status": "OK", "region": "us-west"})
    control_plane.wait_ready("set1")
    row = {"name": "set1", "type": "secret", "region": "us-west", "status": "ready", "version": 1, "readyVersion": 1}
    (listed,) = rest.request("GET", "/v1/secrets").body["sets"]
    assert listed == row | {"updatedAt": listed["updatedAt"]}
    write = {"version": 1, "writtenAt": listed["updatedAt"], "writtenBy": "token first-admin (1)"}
    assert rest.request("GET", "/v1/secrets/set1").body["secrets"] == [{"fieldName": "A", **write}, {"fieldName": "B", **write}]
    assert rest.request("DELETE", "/v1/secrets/set1/A").body == {"status": "OK"}
    assert rest.request("DELETE", "/v1/secrets/set1").body == {"status": "OK"}
    gone = rest.request("GET", "/v1/secrets/set1")
    assert (gone.status, gone.body) == (404, {"error": "Set not found", "code": "NOT_FOUND"})


def test_a_bad_write_is_refused_by_name(rest):
    empty = rest.request("PUT", "/v1/secrets/set1", {"secrets": []})
    assert (empty.status, empty.body["code"]) == (400, "GENERIC_BAD_REQUEST")
    pairs = {"secrets": [{"secretKey": "A", "secretValue": "1"}], "region": "mars"}
    assert "mars" in rest.request("PUT", "/v1/secrets/set1", pairs).body["error"]
    assert rest.request("GET", "/v1/secrets").body == {"sets": []}


def test_an_agent_is_created_read_updated_and_deleted(rest):
    assert rest.request("GET", "/v1/agents").body == {"services": []}
    created = rest.request("POST", "/v1/agents", {"serviceName": "bot", "image": "demo/bot:1"})
    assert created.status == 200 and created.body["name"] == "bot"
    assert rest.request("GET", "/v1/agents/bot").body["deployment"]["manifest"]["spec"]["image"] == "demo/bot:1"
    # The action sends name and region again, which an update has no use for.
    update = {"serviceName": "bot", "region": "us-west", "image": "demo/bot:2"}
    assert rest.request("POST", "/v1/agents/bot", update).status == 200
    assert rest.request("GET", "/v1/agents/bot").body["deployment"]["manifest"]["spec"]["image"] == "demo/bot:2"
    assert [row["name"] for row in rest.request("GET", "/v1/agents").body["services"]] == ["bot"]
    assert rest.request("GET", "/v1/agents/bot/instances").status == 200
    events = rest.request("GET", "/v1/agents/bot/events").body["events"]
    assert events and events == rest.org("GET", "services/bot/events").body["events"]
    assert rest.request("GET", "/v1/agents/bot/sessions").body == {"total_count": 0, "sessions": []}
    assert rest.request("GET", "/v1/agents/bot/sessions/host-1.1").status == 404
    assert rest.request("DELETE", "/v1/agents/bot/sessions/host-1.1").status == 501
    assert rest.request("DELETE", "/v1/agents/bot").body == {"status": "OK"}
    gone = rest.request("GET", "/v1/agents/bot")
    assert (gone.status, gone.body["code"]) == (404, "NOT_FOUND")


def test_regions_and_properties_are_read_and_set(rest):
    regions = rest.request("GET", "/v1/regions").body["regions"]
    assert regions == [{"code": "us-west", "display_name": "us-west"}]
    assert rest.request("GET", "/v1/properties").body == {"properties": {"defaultRegion": "us-west"}}
    schema = rest.request("GET", "/v1/properties/schema")
    assert schema.body["properties"]["defaultRegion"]["availableValues"] == ["us-west"]
    changed = rest.request("PATCH", "/v1/properties", {"defaultRegion": "us-west"})
    assert (changed.status, changed.body) == (200, schema.body)


@pytest.mark.parametrize("method, path", [
    ("POST", "/v1/builds"), ("POST", "/v1/builds/upload-url"), ("GET", "/v1/builds/b1"),
    ("GET", "/v1/builds/b1/logs"), ("GET", "/v1/agents/bot/logs"),
])
def test_builds_and_logs_are_declined_with_a_sentence(rest, method, path):
    answer = rest.request(method, path, {})
    assert (answer.status, answer.body["code"]) == (501, "NOT_IMPLEMENTED")
    assert answer.body["error"].startswith("This control plane does not")


def test_there_are_no_builds_to_list(rest):
    assert rest.request("GET", "/v1/builds").body == {"builds": [], "total": 0}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_session_is_not_reached_through_us(control_plane, rest, method):
    path = "/v1/public/bot/sessions/s1/api/offer"
    assert rest.request(method, path).status == 401
    key = rest.org("POST", "apiKeys", {"name": "web", "type": "public"}).body["key"]
    answer = control_plane.rest(token=key).request(method, path)
    assert answer.status == 501 and "does not run agents" in answer.body["error"]


def test_a_wrong_token_is_unauthorized_by_name(control_plane):
    answer = control_plane.rest(token="pcc_pat_nobody").request("GET", "/v1/secrets")
    assert (answer.status, answer.body["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("method, path", [
    ("POST", "builds"), ("GET", "github/install-url"), ("GET", "github/link-url"),
])
def test_what_the_cli_does_not_reach_is_declined_too(rest, method, path):
    """It gives up at an earlier question."""
    answer = rest.org(method, path)
    assert (answer.status, answer.body["code"]) == (501, "501")
    assert answer.body["error"].startswith("This control plane")
