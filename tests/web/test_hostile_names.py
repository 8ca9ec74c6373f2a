"""Hostile names in every view and dialog, on a desk and on a phone: shown as text, with the layout intact."""

import urllib.parse

import pytest

from support.browser import DESKTOP, PHONE

NAMES = {
    "markup": "<script>window.broken=1</script>",
    "image": '"><img src=x onerror=window.broken=1>',
    "bidi": "a\u202egnp.exe",
    "long": "n" * 200,
    "emoji": "\U0001f511\U0001f469\u200d\U0001f4bb",
}
ALL = list(NAMES.values())
TIME = "2026-01-01T00:00:00.000Z"
COUNTS = {"current": 1, "stale": 1, "superseded": 0, "unbound": 0, "revoked": 0, "unknown": 0}


def agent_row(name):
    return {
        "agent": name, "region": "us-west", "deleted": False, "image": name, "secretSet": name, "deploymentId": "d", "ready": True,
        "deployedAt": TIME, "sets": [{"name": name, "version": 1, "readyVersion": 2, "follows": False}],
        "instanceCount": 2, "states": COUNTS, "unwatchedCount": 0, "silentCount": 0, "developerRunCount": 1, "activeSessionCount": 0,
        "releases": [{"state": "current", "deploymentId": "d", "sets": [{"name": name, "version": 1}], "instances": 2, "oldestSince": TIME}],
        "history": {"current": [1] * 24, "older": [1] * 24}}


def usage_of(name):
    use = {"agent": name, "deleted": False, "instances": 1, "oldestSince": TIME, "instanceIds": ALL}
    versions = [{"version": number, "instances": 5, "unwatched": 0, "developerRuns": 0, "silent": 1, "oldestSince": TIME, "pinnedBy": ALL,
                 "agents": [use | {"agent": each} for each in ALL], "safeToRevoke": "no", "reason": name} for number in (2, 1)]
    return {"status": "ready", "version": 2, "readyVersion": 2, "instances": 10, "versions": versions,
            "versionUnknown": [use], "everyOtherVersion": {"safeToRevoke": "unknown", "reason": name}}


def deployment(name):
    return {"id": name, "createdAt": TIME, "manifest": {"spec": {"image": name, "envFromSecretNames": [name], "imagePullSecretName": name}}}


def answers():
    """What a server could answer if its rules for names failed: the page must not depend on them."""
    one = {"region": "us-west", "status": "failed", "errorMessage": NAMES["markup"], "version": 2, "readyVersion": 2, "updatedAt": TIME,
           "warning": NAMES["bidi"], "secrets": [{"fieldName": name, "version": 2} for name in ALL]}
    service = {"name": NAMES["image"], "desiredDeploymentId": "d", "deployment": deployment(NAMES["image"]),
               "autoScaling": {"minReplicas": 0, "maxReplicas": 1}, "errors": [{"code": name, "message": name} for name in ALL]}
    return {
        "fleet": {"tag": "t", "time": TIME, "historyStepSeconds": 1800, "agents": [agent_row(name) for name in ALL],
                  "regions": [{"region": name, "readable": name != NAMES["bidi"], "heardUntil": TIME, "settled": False} for name in ALL]},
        "secrets": {"sets": [{"name": name, "type": kind, "region": name, "status": "failed", "errorMessage": name, "version": 2,
                              "readyVersion": 1, "updatedAt": TIME} for name in ALL for kind in ("secret", "imagePullSecret")]},
        "secrets/*": one, "secrets/*/usage": usage_of(NAMES["image"]),
        "services/*": {"body": service},
        "services/*/deployments": {"deployments": [deployment(name) for name in ALL]},
        "services/*/events": {"events": [{"time": TIME, "kind": name, "text": name} for name in ALL]},
        "services/*/instances": {"instances": [
            {"instance": name, "state": "stale", "sequence": 1, "sets": [{"name": name, "version": 1}], "activeSessions": 0, "since": TIME,
             "lastHeard": TIME, "watched": True} for name in ALL]},
        "credentials": {"credentials": [
            {"kid": name, "agent": NAMES["image"], "label": name, "purpose": name, "createdAt": TIME, "madeBy": name, "lastUsedAt": TIME,
             "expiresAt": None, "revokedAt": None, "confirmed": False} for name in ALL]},
        "members": {"members": [{"name": name, "email": name, "role": "viewer"} for name in ALL]},
        "tokens": {"tokens": [{"id": name, "name": name, "user": name, "role": "viewer", "createdAt": TIME, "lastUsedAt": None,
                               "expiresAt": None, "revokedAt": None} for name in ALL]},
        "apiKeys": {"private": [], "public": [{"id": name, "metadata": {"name": name}, "createdAt": TIME} for name in ALL]},
        "audit": {"records": [{"id": number, "time": TIME, "actor": {"kind": name, "id": "1", "name": name}, "address": name, "action": name,
                               "object": name, "detail": name, "outcome": name, "authentic": False} for number, name in enumerate(ALL)]},
        "audit/checkpoint": {"log": NAMES["image"], "position": 1, "hash": NAMES["long"], "time": TIME, "checkpoint": NAMES["long"]},
        "regions": {"regions": [{"code": name, "display_name": name} for name in ALL]},
        "properties": {"properties": {"defaultRegion": NAMES["image"]}},
    }


IMAGE = urllib.parse.quote(NAMES["image"], safe="")
# By view: the buttons to press, and for each whether it opens a dialog.
VIEWS = {
    "fleet": [],
    "sets": [("New set", False)],
    f"sets/{IMAGE}": [("Unset", True), ("Delete the set", True), ("Paste a .env", False)],
    "agents": [("New agent", False)],
    f"agents/{IMAGE}": [("Show the instances", False), ("Revoke", True), ("Delete the agent", True)],
    "access": [("Remove", True), ("Revoke", True), ("New token", False), ("New API key", False)],
    "audit": [],
    "settings": [("Delete", True), ("Write an image pull secret", False)],
}


@pytest.fixture(scope="module")
def victim(visitor, world):
    visitor.start_again()
    visitor.sign_in(world.tokens["admin"], "settings")
    visitor.answer(answers())
    return visitor


# Texts with a mark of direction, which would turn what stands around the name.
TURNING = """
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
while (texts.nextNode()) {
  if (texts.currentNode.data.includes('\u202e')) found.push(texts.currentNode.parentElement.outerHTML.slice(0, 200));
}
return found;
"""


def check(browser, what):
    assert browser.script("return window.broken") is None, what
    assert not browser.script("return document.querySelector('main img, dialog img, main script, dialog script')"), what
    assert not browser.overflows(), what
    assert browser.blocked() == [], what
    assert browser.script(TURNING) == [], what


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.replace(IMAGE, "one"))
def test_hostile_names_are_text_and_break_nothing(victim, view, size):
    victim.resize(size)
    victim.script("location.hash = '#/acme/none'")
    victim.script("location.hash = arguments[0]", "#/acme/" + view)
    victim.wait_text(NAMES["image"], timeout=15)
    victim.settle()
    check(victim, view)
    assert NAMES["markup"] in victim.text
    assert "a[U+202E]gnp.exe" in victim.text
    for button, opens in VIEWS[view]:
        victim.script("arguments[0].click()", victim.button(button))
        if opens:
            victim.find("dialog[open]")
        check(victim, f"{view}: {button}")
        if opens:
            victim.script("[...document.querySelectorAll('dialog button')].find(b => b.textContent === 'Cancel').click()")
