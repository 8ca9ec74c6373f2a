"""Every view, for every role, in light and dark and on a phone: it shows what it must, nothing is wider than the window,
axe-core finds nothing, and the policy of the page blocks nothing."""

import pytest

from support.browser import AXE, DESKTOP, PHONE

VIEWS = {
    "fleet": ["56", "support-bot", "sales-bot", "intake"],
    "sets": ["support-keys", "clinic-keys", "protected"],
    "sets/support-keys": ["OPENAI_API_KEY", "Not yet: 21 of 52 instances hold an older version."],
    "agents": ["registry.example.com/bots/support-bot:2"],
    "agents/support-bot": ["40 instances", "superseded", "Deployments", "Scaling"],
    "settings": ["Regions", "ghcr", "ready"],
}
ADMIN_VIEWS = {"access": ["vera", "otto", "the-viewer"], "audit": ["set.write", "agent.deploy", "Signed"]}
ROLES = ["viewer", "member", "admin"]


def check(browser, view, texts):
    browser.open(view)
    for text in texts:
        browser.wait_text(text)
    assert not browser.overflows(), f"{view} is wider than its window"
    assert browser.blocked() == []
    assert browser.console_errors() == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("view", [*VIEWS, *ADMIN_VIEWS])
def test_a_view_shows_its_role_what_it_may_see(sessions, view, role):
    browser = sessions(role)
    browser.resize(DESKTOP)
    if view in VIEWS:
        check(browser, view, VIEWS[view])
    elif role == "admin":
        check(browser, view, ADMIN_VIEWS[view])
    else:
        check(browser, view, [f"your role is {role}"])


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed; run script/bootstrap --web")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("view", [*VIEWS, *ADMIN_VIEWS])
def test_a_view_is_accessible(sessions, view, dark):
    for role in ("admin", "viewer"):
        browser = sessions(role)
        browser.wear(dark)
        try:
            check(browser, view, VIEWS.get(view, []))
            assert browser.violations() == []
        finally:
            browser.wear(False)


@pytest.mark.parametrize("view", [*VIEWS, *ADMIN_VIEWS])
def test_a_view_fits_a_phone(admin, view):
    admin.resize(PHONE)
    try:
        check(admin, view, (VIEWS | ADMIN_VIEWS)[view])
        if AXE.exists():
            assert admin.violations() == []
    finally:
        admin.resize(DESKTOP)


def test_what_a_role_may_not_do_is_shown_with_the_reason(sessions):
    viewer = sessions("viewer").open("sets/support-keys")
    button = viewer.button("Write the key")
    assert button.get_attribute("aria-disabled") == "true"
    assert button.get_attribute("title") == "Needs the role member; yours is viewer."
    protect = sessions("member").open("sets/support-keys").button("Unprotect")
    assert protect.get_attribute("title") == "Needs the role admin; yours is member."


def test_the_page_says_which_versions_are_held_by_whom(admin):
    admin.open("sets/support-keys")
    admin.wait_text("21 of 52 instances still hold it, oldest since")
    admin.press("which ones")
    text = admin.script("return document.querySelector('.rung.stale').textContent")
    assert "host-0" in admin.script("return document.querySelector('.ladder').textContent"), text


def test_an_address_can_be_shared(fresh, world):
    fresh.sign_in(world.tokens["viewer"], "sets/support-keys")
    assert fresh.find("h1").text == "support-keys"
    assert world.tokens["viewer"] not in fresh.driver.current_url
    fresh.driver.back()
    fresh.driver.forward()
    fresh.find("input.secret")  # whoever comes back to the page signs in again
