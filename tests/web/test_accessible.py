"""axe-core in dialogs, open forms and messages, in light and dark and on a phone: WCAG 2.2 A and AA."""

import pytest

from support.browser import AXE, DESKTOP, PHONE

pytestmark = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed; run script/bootstrap --web")

# By name: the view, and the buttons that lead to what is looked at.
STATES = {
    "a new set": ("sets", ["New set"]),
    "a pasted file": ("sets/support-keys", ["Paste a .env"]),
    "the holders of a version": ("sets/support-keys", ["which ones"]),
    "unset": ("sets/support-keys", ["Unset OPENAI_API_KEY"]),
    "delete a set": ("sets/support-keys", ["Delete the set"]),
    "a new agent": ("agents", ["New agent"]),
    "instances": ("agents/support-bot", ["Show the instances"]),
    "delete an agent": ("agents/support-bot", ["Delete the agent"]),
    "a credential": ("agents/support-bot", ["Register a credential"]),
    "a new member": ("access", ["New member"]),
    "a new token": ("access", ["New token"]),
    "remove a member": ("access", ["Remove otto"]),
    "revoke a token": ("access", ["Revoke the-viewer"]),
    "an image pull secret": ("settings", ["Write an image pull secret"]),
    "colors": ("fleet", ["What the colors mean"]),
    "a checkpoint": ("audit", ["The checkpoint itself"]),
}
LOOKS = {"light": (False, DESKTOP), "dark": (True, DESKTOP), "phone": (True, PHONE)}


@pytest.mark.parametrize("state", STATES)
def test_a_dialog_or_a_form_is_accessible(admin, state):
    view, buttons = STATES[state]
    admin.open("none").open(view)
    for button in buttons:
        admin.press(button)
    try:
        for look, (dark, size) in LOOKS.items():
            admin.wear(dark)
            admin.resize(size)
            assert admin.violations() == [], look
            assert not admin.overflows(), look
    finally:
        admin.wear(False)
        admin.resize(DESKTOP)
        admin.script("document.querySelector('dialog[open]')?.close()")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_signing_in_is_accessible(fresh, world, dark):
    fresh.wear(dark)
    fresh.driver.get(world.url)
    fresh.find("input.secret").send_keys("no-token")
    fresh.press("Sign in")
    fresh.find(".notice.error")
    fresh.press("Where do I get a token?")
    assert fresh.violations() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_errors_and_a_token_that_ended_are_accessible(fresh, world, dark):
    token = world._run("token", "create", f"accessible-{dark}", "--role", "member")
    fresh.sign_in(token, "sets/clinic-keys")
    fresh.wear(dark)
    fresh.press("Write the key")
    fresh.wait_text("Letters, digits, _ and -")
    assert fresh.violations() == []
    world._run("token", "revoke", f"accessible-{dark}")
    fresh.script("location.hash = '#/acme/settings'")
    fresh.wait_text("Sign in again")
    assert fresh.violations() == []


def test_a_message_is_announced(fresh, world):
    fresh.sign_in(world.tokens["member"], "sets")
    fresh.answer({"secrets/clinic-keys": '{"status":'})
    fresh.script("location.hash = '#/acme/sets/clinic-keys'")
    assert fresh.find("[role=alert]").text.startswith("The answer of the control plane is not complete.")
    assert fresh.find(".live").get_attribute("role") == "status"
