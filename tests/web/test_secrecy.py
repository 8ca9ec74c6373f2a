"""Values that must not stay anywhere: after a write that failed, after signing in again, and of image pull secrets."""

import base64

import pytest

from support.browser import Browser, wait_for
from support.web_proxy import WebProxy
from support.web_secrecy import leaks


@pytest.fixture(scope="module")
def proxied(world):
    """(browser, proxy): a member's page behind a proxy that breaks answers on demand."""
    with WebProxy(world.control_plane) as proxy, Browser(proxy.url) as browser:
        yield browser.sign_in(world.tokens["member"], "settings"), proxy


def test_a_search_finds_what_is_there(proxied, world):
    browser, _ = proxied
    browser.open("sets/support-keys")
    browser.field("Value").send_keys("canary-that-is-still-typed")
    found = leaks(browser, world.control_plane, "canary-that-is-still-typed")
    assert "value (plain) in the fields" in found
    assert "value (plain) in the memory of the page" in found


@pytest.mark.parametrize("fault", ["an error", "a cut"])
def test_a_failed_write_leaves_nothing_behind(proxied, world, fault):
    browser, proxy = proxied
    name = "failed-" + fault.split()[1]
    canary = f"canary-of-a-write-with-{fault.replace(' ', '-')}"
    world.write(name, A="1")
    browser.open(f"sets/{name}")
    browser.field("Key").send_keys("B")
    browser.field("Value").send_keys(canary)
    if fault == "an error":
        proxy.fail("PUT", f"secrets/{name}", 500)
    else:
        proxy.cut("PUT", f"secrets/{name}")
    browser.press("Write the key")
    browser.wait_text("The disk broke." if fault == "an error" else "The control plane does not answer.")
    assert browser.field("Value").get_attribute("value") == canary  # nothing typed is lost
    browser.open("settings")
    assert leaks(browser, world.control_plane, canary) == []


def test_an_image_pull_secret_leaves_nothing_behind(proxied, world):
    browser, _ = proxied
    canary = "canary-of-an-image-pull-secret"
    browser.open("settings")
    browser.press("Write an image pull secret")
    for label, text in (("Name", "secret-registry"), ("Registry", "registry.example"), ("User", "puller"), ("Password or token", canary)):
        browser.field(label).send_keys(text)
    browser.press("Write")
    wait_for(lambda: world.rest.set_status("secret-registry"), what="the image pull secret")
    browser.wait_text("Written.")
    assert leaks(browser, world.control_plane, canary) == []
    assert leaks(browser, world.control_plane, base64.b64encode(f"puller:{canary}".encode()).decode()) == []


def test_signing_in_again_leaves_nothing_behind(fresh, world):
    first = world._run("token", "create", "secrecy-first", "--role", "member")
    second = world._run("token", "create", "secrecy-second", "--role", "member")
    canary = "canary-of-a-write-that-waited"
    world.write("waited-keys", A="1")
    fresh.sign_in(first, "sets/waited-keys")
    fresh.field("Key").send_keys("B")
    fresh.field("Value").send_keys(canary)
    world._run("token", "revoke", "secrecy-first")
    fresh.press_at_once("Write the key")
    fresh.wait_text("Sign in again")
    fresh.find("dialog input.secret").send_keys(second)
    fresh.press("Sign in")
    fresh.wait_text("1 key sent: B.")
    assert leaks(fresh, world.control_plane, canary) == []
    assert leaks(fresh, world.control_plane, first) == []
    fresh.press("Sign out")
    fresh.find("input.secret")
    assert leaks(fresh, world.control_plane, second) == []
