"""Agents, people, credentials, image pull secrets and the audit log: each managed as a person does it."""

import json
import subprocess

from support import programs
from support.browser import wait_for


def fleet_row(world, agent):
    agents = world.rest.org("GET", "fleet").body["agents"]
    return next((each for each in agents if each["agent"] == agent and not each["deleted"]), None)


def choose(browser, label, value):
    browser.script("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change', {bubbles: true}))",
                   browser.field(label), value)


def fill(browser, label, text):
    field = browser.field(label)
    field.clear()
    field.send_keys(text)


def test_an_agent_is_deployed_changed_scaled_and_deleted(member, world):
    member.open("agents")
    member.press("New agent")
    fill(member, "Name", "page-bot")
    fill(member, "Image", "registry.example.com/page-bot:1")
    wait_for(lambda: "clinic-keys" in member.field("Secret set").text, what="the sets to choose from")
    choose(member, "Secret set", "clinic-keys")
    member.press("Deploy")
    wait_for(lambda: member.find("h1").text == "page-bot", what="the view of the agent")
    member.wait_text("registry.example.com/page-bot:1")

    fill(member, "Another image", "registry.example.com/page-bot:2")
    member.press("Deploy this image")
    wait_for(lambda: fleet_row(world, "page-bot")["image"].endswith(":2"), what="the other image")

    fill(member, "At least", "2")
    member.press("Scale")
    wait_for(lambda: world.rest.org("GET", "services/page-bot").body["body"]["autoScaling"]["minReplicas"] == 2, what="the scaling")

    member.press("Delete the agent")
    member.script("document.querySelector('dialog .button.danger').click()")
    wait_for(lambda: fleet_row(world, "page-bot") is None, what="the agent's end")


def test_a_set_is_protected_by_an_admin(admin, world):
    world.write("to-protect", A="value-to-protect")
    admin.open("sets/to-protect")
    admin.press("Protect")
    wait_for(lambda: world.rest.org("GET", "secrets/to-protect").body.get("protected"), what="the protection")
    admin.press("Unprotect")
    wait_for(lambda: not world.rest.org("GET", "secrets/to-protect").body.get("protected"), what="its end")


def test_a_member_is_added_changed_and_removed(admin, world):
    def role_of(name):
        members = world.rest.org("GET", "members").body["members"]
        return next((each["role"] for each in members if each["name"] == name), None)
    admin.open("access")
    admin.press("New member")
    fill(admin, "Name", "nina")
    admin.press("Add the member")
    wait_for(lambda: role_of("nina") == "member", what="the member")
    select = admin.find("select[aria-label='Role of nina']")
    admin.script("arguments[0].value = 'viewer'; arguments[0].dispatchEvent(new Event('change', {bubbles: true}))", select)
    admin.press("Change the role of nina")
    admin.press("Change the role")
    wait_for(lambda: role_of("nina") == "viewer", what="the role")
    admin.press("Remove nina")
    admin.press("Remove the member")
    wait_for(lambda: role_of("nina") is None, what="the end of the membership")


def test_a_credential_is_registered_by_its_public_half_and_revoked(admin, world, tmp_path):
    made = subprocess.run([programs.injector_program(), "keygen", tmp_path / "bot.seed"], check=True, capture_output=True, text=True)
    kid = json.loads(made.stdout)["kid"]

    def state():
        found = [each for each in world.rest.org("GET", "credentials").body["credentials"] if each["kid"] == kid]
        return found and ("revoked" if found[0]["revokedAt"] else "live")
    admin.open("agents/intake")
    admin.press("Register a credential")
    fill(admin, "Public half", made.stdout)
    admin.press("Register")
    wait_for(lambda: state() == "live", what="the credential")
    admin.wait_text(kid)
    admin.press(f"Revoke {kid}")
    admin.script("document.querySelector('dialog .button.danger').click()")
    wait_for(lambda: state() == "revoked", what="the revocation")


def test_an_image_pull_secret_is_written_and_never_shown(member, world):
    member.open("settings")
    member.press("Write an image pull secret")
    fill(member, "Name", "page-registry")
    fill(member, "Registry", "registry.example")
    fill(member, "User", "puller")
    fill(member, "Password or token", "canary-of-a-registry")
    member.press("Write")
    wait_for(lambda: world.rest.set_status("page-registry"), what="the image pull secret")
    member.wait_text("page-registry")
    assert "canary-of-a-registry" not in member.script("return document.documentElement.outerHTML")


def test_the_audit_log_is_filtered(admin):
    admin.open("audit")
    admin.wait_text("set.write")
    choose(admin, "Action", "agent.deploy")
    wait_for(lambda: set(admin.script("return [...document.querySelectorAll('tbody tr')].map(r => r.children[2].firstChild.data)"))
             == {"agent.deploy"}, what="the filtered log")
    admin.find("input[type=search]").send_keys("nothing-has-this")
    admin.wait_text("Nothing among the")
