"""Main actions with the keyboard alone. Focus moves by Tab only, as a person moves it."""

import pytest
from selenium.webdriver.common.keys import Keys

from support.browser import wait_for


class Keyboard:
    def __init__(self, browser):
        self._browser = browser

    def press(self, *keys):
        self._browser.type(*keys)

    def focused(self):
        """What a screen reader calls the focused element, about."""
        return self._browser.script("""
            const at = document.activeElement;
            const label = at.id && document.querySelector(`label[for="${at.id}"]`);
            return (label?.textContent ?? at.getAttribute('aria-label') ?? at.textContent ?? '').trim().replace(/\\s+/g, ' ');""")

    def go_to(self, name, kind=None):
        """Tab until this is focused, and visibly so. `kind`: the element's name, where several have the same text."""
        for _ in range(120):
            self.press(Keys.TAB)
            if self.focused() == name and kind in (None, self._browser.script("return document.activeElement.tagName")):
                assert self._browser.script("""
                    const style = getComputedStyle(document.activeElement);
                    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;"""), f"no visible focus on {name}"
                return self
        raise AssertionError(f"{name} is not reached by Tab")


@pytest.fixture
def keyboard(fresh, world):
    fresh.driver.get(f"{fresh.url}/#/acme/fleet")
    fresh.find("input.secret")
    keys = Keyboard(fresh)
    keys.press(world.tokens["admin"], Keys.ENTER)
    fresh.find("nav[aria-label=Views]")
    fresh.settle()
    return keys


def open_by_keyboard(fresh, keyboard, *links):
    for link in links:
        keyboard.go_to(link, "A").press(Keys.ENTER)
        fresh.settle()
        wait_for(lambda: fresh.script("return document.activeElement.tagName") == "H1", what="the focus on the heading")


def test_a_key_is_written_and_unset(fresh, keyboard, world):
    world.write("keyboard-keys", FIRST="1")

    def keys():
        return [each["fieldName"] for each in world.rest.org("GET", "secrets/keyboard-keys").body["secrets"]]
    open_by_keyboard(fresh, keyboard, "Secret sets", "keyboard-keys")
    keyboard.go_to("Key").press("TYPED")
    keyboard.press(Keys.TAB)
    assert keyboard.focused() == "Value"
    keyboard.press("value-that-was-typed")
    keyboard.go_to("Write the key").press(Keys.ENTER)
    wait_for(lambda: "TYPED" in keys(), what="the key")
    fresh.wait_text("1 key sent: TYPED.")
    assert keyboard.focused() == "Write the key"  # the focus stays where it was

    fresh.open("fleet")
    open_by_keyboard(fresh, keyboard, "Secret sets", "keyboard-keys")
    fresh.wait_text("TYPED")
    keyboard.go_to("Unset TYPED").press(Keys.ENTER)
    fresh.find("dialog[open]")
    keyboard.press(Keys.ESCAPE)
    wait_for(lambda: keyboard.focused() == "Unset TYPED", what="the focus back on the button")
    keyboard.press(Keys.ENTER)
    fresh.find("dialog[open]")
    keyboard.go_to("Unset the key").press(Keys.ENTER)
    wait_for(lambda: keys() == ["FIRST"], what="the key's end")
    wait_for(lambda: fresh.script("return document.activeElement.tagName") == "H1", what="the focus on the heading: its button is gone")


def test_the_focus_stays_inside_a_dialog(fresh, keyboard):
    open_by_keyboard(fresh, keyboard, "Secret sets", "clinic-keys")
    keyboard.go_to("Delete the set").press(Keys.ENTER)
    fresh.find("dialog[open]")
    for _ in range(8):
        keyboard.press(Keys.TAB)
        assert fresh.script("return document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)")


def test_an_agent_is_deployed_and_scaled(fresh, keyboard, world):
    world.write("keyboard-bot-keys", A="1")
    assert world.rest.deploy("keyboard-bot", secretSet="keyboard-bot-keys").status == 200
    world.write("keyboard-bot-keys", A="2")
    open_by_keyboard(fresh, keyboard, "Agents", "keyboard-bot")
    keyboard.go_to("Deploy the newest values").press(Keys.SPACE)
    fresh.wait_text("Deployed. New instances get it")
    keyboard.go_to("At least").press(Keys.BACKSPACE, "3", Keys.ENTER)
    wait_for(lambda: world.rest.org("GET", "services/keyboard-bot").body["body"]["autoScaling"]["minReplicas"] == 3, what="the scaling")


def test_a_token_is_made_and_revoked(fresh, keyboard, world):
    def live():
        return [each["name"] for each in world.rest.org("GET", "tokens").body["tokens"] if not each["revokedAt"]]
    open_by_keyboard(fresh, keyboard, "Access")
    keyboard.go_to("New token").press(Keys.ENTER)
    keyboard.go_to("Name").press("typed-token", Keys.ENTER)
    wait_for(lambda: "typed-token" in live(), what="the token")
    keyboard.go_to("Done").press(Keys.ENTER)
    fresh.wait_text("typed-token")
    keyboard.go_to("Revoke typed-token").press(Keys.ENTER)
    keyboard.go_to("Revoke the token").press(Keys.ENTER)
    wait_for(lambda: "typed-token" not in live(), what="the revocation")


def test_the_first_stop_leads_past_the_navigation(fresh, keyboard):
    fresh.open("settings")
    fresh.script("document.activeElement.blur(); scrollTo(0, 0)")
    fresh.script("document.querySelector('.skip').focus()")
    keyboard.press(Keys.ENTER)
    assert fresh.script("return document.activeElement.tagName") == "H1"
