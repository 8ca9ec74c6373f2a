"""What the page says about revoking old values, for answers of the API that a test makes up, and on a real server."""

import pytest

from support.browser import Browser, wait_for
from support.web_world import serving

SET = {"region": "us-west", "status": "ready", "version": 3, "readyVersion": 3, "updatedAt": "2026-01-01T00:00:00.000Z",
       "secrets": [{"fieldName": "A", "version": 1}]}
FLEET = {"tag": "t", "time": "2026-01-01T00:00:00.000Z", "historyStepSeconds": 1800, "regions": [], "agents": []}
SAFE = {"safeToRevoke": "yes", "reason": None}


def version(number, safe="yes", instances=0, **more):
    return {"version": number, "instances": instances, "unwatched": 0, "developerRuns": 0, "silent": 0, "oldestSince": None,
            "pinnedBy": [], "agents": [], "safeToRevoke": safe, "reason": None} | more


def usage(versions, ready=3, newest=None, status="ready", other=SAFE):
    return {"status": status, "version": newest or ready, "readyVersion": ready, "instances": sum(each["instances"] for each in versions),
            "versions": versions, "versionUnknown": [], "everyOtherVersion": other}


@pytest.fixture(scope="module")
def viewer(world):
    with Browser(world.url) as browser:
        yield browser.sign_in(world.tokens["viewer"], "settings")


def shown(viewer, found):
    """The text of the card of versions for this usage."""
    viewer.script("location.hash = '#/acme/settings'")
    viewer.wait_text("Regions")
    viewer.answer({"fleet": FLEET, "secrets/made-up": SET, "secrets/made-up/usage": found})
    viewer.script("location.hash = '#/acme/sets/made-up'")
    wait_for(lambda: viewer.script("return document.querySelector('.ladder')"), what="the versions")
    return viewer.script("return document.querySelector('.ladder').parentElement.innerText")


def test_yes_only_if_every_older_version_may_be_revoked(viewer):
    text = shown(viewer, usage([version(3, "no", 2), version(2)]))
    assert "Yes: no instance holds an older version." in text
    assert "May values that a newer version has replaced be revoked" in text
    assert "A value that no newer version has replaced is still in use." in text
    assert "As of" in text and "others" in text


@pytest.mark.parametrize("status", ["failed", "pending"])
def test_a_version_that_is_not_ready_has_replaced_nothing(viewer, status):
    text = shown(viewer, usage([version(3, "no", 2), version(2)], newest=4, status=status))
    assert f"Not yet: v4 is not ready ({status}): instances still get v3." in text
    assert "Yes" not in text and "safe to revoke" not in text


def test_silent_instances_are_part_of_the_answer(viewer):
    text = shown(viewer, usage([version(3, "no", 2), version(2, silent=2)]))
    assert "Yes: no instance that reports holds an older version." in text
    assert "2 instances of an older version fell silent" in text
    assert "2 instances fell silent with it" in text


def test_a_doubt_is_shown_with_its_reason(viewer):
    text = shown(viewer, usage([version(3, "no", 2)], other={"safeToRevoke": "unknown", "reason": "no server has listened yet"}))
    assert "Not known." in text and "no server has listened yet." in text


def test_a_set_of_one_version_says_only_that(viewer):
    text = shown(viewer, usage([version(1, "no", 2)], ready=1))
    assert "This set has had one version." in text
    assert "revoked" not in text and "older" not in text


def test_older_versions_are_listed_only_if_there_are_some(viewer):
    assert "older" not in shown(viewer, usage([version(2, "no", 2), version(1)], ready=2)).replace("holds an older version", "")


def test_the_answer_is_withdrawn_while_the_page_is_not_connected(fresh, tmp_path):
    with serving(tmp_path) as control_plane:
        rest = control_plane.rest()
        rest.put_secrets("keys", A="1")
        control_plane.wait_ready("keys")
        rest.put_secrets("keys", A="2")
        control_plane.wait_ready("keys")
        with Browser(control_plane.url).sign_in(control_plane.token, "sets/keys") as browser:
            browser.wait_text("May values that a newer version has replaced")
            control_plane.kill()
            browser.wait_text("Not known now: the page is not connected.", timeout=40)
            control_plane.start()
            wait_for(lambda: "Not known now" not in browser.text, timeout=40, what="the answer after the connection is back")
