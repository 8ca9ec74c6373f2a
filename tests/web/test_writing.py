"""Flows that change something: each as a person does it, and each value searched for afterwards."""

import itertools

from support.browser import wait_for
from support.web_secrecy import leaks

NUMBERS = itertools.count()


def new_set(world):
    name = f"made-{next(NUMBERS)}"
    world.write(name, FIRST="value-of-first")
    return name


def keys_of(world, name):
    return [each["fieldName"] for each in world.rest.org("GET", f"secrets/{name}").body["secrets"]]


def test_one_key_is_written_and_its_value_is_gone(member, world):
    name = new_set(world)
    canary = "canary-of-one-key-1f9d33"
    member.open(f"sets/{name}")
    member.field("Key").send_keys("OPENAI_API_KEY")
    member.field("Value").send_keys(canary)
    member.press("Write the key")
    member.wait_text("1 key sent: OPENAI_API_KEY.")
    member.wait_text("v2")
    assert keys_of(world, name) == ["FIRST", "OPENAI_API_KEY"]
    assert leaks(member, world.control_plane, canary) == []


def test_a_pasted_file_is_shown_as_names_and_sizes_and_written_as_one_version(member, world):
    name = new_set(world)
    canary = "canary-of-a-file-77aa10"
    member.open(f"sets/{name}")
    member.press("Paste a .env")
    text = f'# keys\nexport FIRST="{canary}"\nTWO=two # comment\nbroken line\nTHREE=\'a\nb\'\n'
    member.script("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))",
                  member.field("Text of a .env file"), text)
    member.wait_text("3 keys will be written")
    member.wait_text("FIRST 23 bytes replaces")
    member.wait_text("Left out: line 4")
    assert canary not in member.script("return document.querySelector('.preview').textContent")
    member.press("Write 3 keys")
    member.wait_text("3 keys sent: FIRST, TWO, THREE.")
    assert keys_of(world, name) == ["FIRST", "TWO", "THREE"]
    assert world.rest.org("GET", f"secrets/{name}").body["version"] == 2
    assert leaks(member, world.control_plane, canary) == []


def test_fields_for_values_keep_password_managers_and_autocomplete_out(member, world):
    member.open("sets/support-keys")
    field = member.field("Value")
    attributes = {name: field.get_attribute(name) for name in ("autocomplete", "spellcheck", "data-1p-ignore", "data-lpignore")}
    assert attributes == {"autocomplete": "off", "spellcheck": "false", "data-1p-ignore": "", "data-lpignore": "true"}


def test_a_new_set_is_made_with_its_first_key(member, world):
    member.open("sets")
    member.press("New set")
    member.field("Name").send_keys("fresh-keys")
    member.field("Key").send_keys("A")
    member.field("Value").send_keys("1")
    member.press("Write the key")
    wait_for(lambda: world.rest.set_status("fresh-keys") == "ready", what="the new set")
    wait_for(lambda: member.find("h1").text == "fresh-keys", what="the view of the set")


def test_a_key_is_unset_and_a_set_deleted_after_a_question(member, world):
    name = new_set(world)
    world.write(name, SECOND="value-of-second")
    member.open(f"sets/{name}")
    member.press("Unset SECOND")
    member.press("Unset the key")
    wait_for(lambda: keys_of(world, name) == ["FIRST"], what="the key's end")
    wait_for(lambda: not member.all("dialog"), what="the end of the dialog")
    member.all(".button.danger")[-1].click()
    member.all("dialog .button.danger")[0].click()
    wait_for(lambda: world.rest.set_status(name) is None, what="the set's end")


def test_the_newest_values_are_deployed(member, world):
    name = new_set(world)
    assert world.rest.deploy(f"agent-of-{name}", secretSet=name).status == 200
    world.write(name, FIRST="another-value")
    member.open(f"sets/{name}")
    member.press(f"Deploy v2 to agent-of-{name}")

    def pinned():
        agents = world.rest.org("GET", "fleet").body["agents"]
        return next(each for each in agents if each["agent"] == f"agent-of-{name}")["sets"][0]["version"]
    wait_for(lambda: pinned() == 2, what="the deploy")
    assert world.rest.org("DELETE", f"services/agent-of-{name}").status == 200


def test_a_change_by_somebody_else_appears_by_itself(member, world):
    name = new_set(world)
    member.open("sets")
    member.wait_text(name)
    world.write(name, FIRST="another-value")
    row = f"[...document.querySelectorAll('tr')].find(r => r.textContent.includes('{name}'))"
    wait_for(lambda: "v2" in member.script(f"return {row}.textContent"), what="the new version in the list")


def test_a_token_is_shown_once_and_works(admin, world):
    admin.open("access")
    admin.press("New token")
    admin.script("document.querySelectorAll('details[open] input')[0].focus()")
    admin.type("from-the-page")
    admin.press("Make the token")
    # Not by a script: the driver would keep its answer in the page's memory.
    token = admin.find("dialog code").get_attribute("textContent")
    assert token.startswith("pcc_pat_")
    assert world.control_plane.rest(token).org("GET", "secrets").status == 200
    # Not by its handle: the driver would keep the button, and so the dialog, in the page's memory.
    admin.script("[...document.querySelectorAll('dialog button')].at(-1).click()")
    wait_for(lambda: admin.script("return !document.querySelector('dialog')"), what="the end of the dialog")
    assert leaks(admin, world.control_plane, token) == []
    admin.press("Revoke from-the-page")
    admin.press("Revoke the token")
    wait_for(lambda: world.control_plane.rest(token).org("GET", "secrets").status == 401, what="the revocation")


def test_a_token_that_ends_in_the_middle_loses_nothing(fresh, world):
    name = new_set(world)
    token = world._run("token", "create", f"short-{name}", "--role", "member")
    fresh.sign_in(token, f"sets/{name}")
    fresh.field("Key").send_keys("LATE")
    fresh.field("Value").send_keys("canary-of-a-late-key")
    world._run("token", "revoke", f"short-{name}")
    fresh.press_at_once("Write the key")
    fresh.wait_text("Sign in again")
    fresh.find("dialog input.secret").send_keys(world.tokens["member"])
    fresh.press("Sign in")
    wait_for(lambda: keys_of(world, name) == ["FIRST", "LATE"], what="the write after the second sign-in")


def test_a_write_without_a_network_keeps_what_was_typed(fresh, world):
    name = new_set(world)
    fresh.sign_in(world.tokens["member"], f"sets/{name}")
    fresh.field("Key").send_keys("OFFLINE")
    fresh.field("Value").send_keys("canary-of-an-offline-key")
    fresh.driver.set_network_conditions(offline=True, latency=0, throughput=0)
    fresh.press("Write the key")
    fresh.wait_text("The control plane does not answer.")
    fresh.wait_text("Not connected", timeout=40)
    assert fresh.field("Value").get_attribute("value") == "canary-of-an-offline-key"
    fresh.driver.delete_network_conditions()
    fresh.press("Write the key")
    wait_for(lambda: "OFFLINE" in keys_of(world, name), what="the write")


def test_signing_out_leaves_nothing_and_a_reload_asks_again(fresh, world):
    fresh.sign_in(world.tokens["admin"], "sets")
    fresh.driver.refresh()
    fresh.find("input.secret")
    fresh.sign_in(world.tokens["admin"], "access")
    fresh.press("Sign out")
    fresh.find("input.secret")
    assert "the-viewer" not in fresh.script("return document.body.textContent")
    fresh.driver.back()
    fresh.find("input.secret")
    assert leaks(fresh, world.control_plane, world.tokens["admin"]) == []
