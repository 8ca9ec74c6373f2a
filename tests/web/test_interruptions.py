"""Answers that break off, tokens that end, dialogs that are closed from the keyboard, pages that are left, and two tabs."""

from selenium.webdriver.common.keys import Keys

from support.browser import Browser, wait_for
from support.web_proxy import WebProxy


def press_escape(browser, times):
    for _ in range(times):
        browser.type(Keys.ESCAPE)


def paste(browser, text):
    browser.script("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))",
                   browser.field("Text of a .env file"), text)


def test_an_answer_that_breaks_off_is_no_success(fresh, world):
    world.write("cut-keys", A="1")
    fresh.sign_in(world.tokens["member"], "sets/cut-keys")
    fresh.field("Key").send_keys("B")
    fresh.field("Value").send_keys("canary-of-a-cut")
    fresh.answer({"secrets/cut-keys": '{"status":'})
    fresh.press("Write the key")
    fresh.wait_text("The answer of the control plane is not complete.")
    fresh.wait_text("It is not known whether this was written: look before you repeat it.")
    assert fresh.field("Value").get_attribute("value") == "canary-of-a-cut"


def test_escape_does_not_close_the_question_for_a_new_token(fresh, world):
    token = world._run("token", "create", "escaping", "--role", "member")
    fresh.sign_in(token, "sets")
    world._run("token", "revoke", "escaping")
    fresh.script("location.hash = '#/acme/settings'")
    fresh.wait_text("Sign in again")
    press_escape(fresh, 3)
    fresh.find("dialog[open] input.secret").send_keys(world.tokens["member"])
    fresh.press("Sign in")
    wait_for(lambda: not fresh.all("dialog"), what="the end of the dialog")
    fresh.wait_text("Image pull secrets")


def test_escape_closes_a_question_and_not_a_new_token(admin, world):
    admin.open("access")
    admin.press("New API key")
    admin.script("document.querySelectorAll('details[open] input')[0].focus()")
    admin.type("escaped-key")
    admin.press("Make the API key")
    admin.find("dialog[open] code")
    press_escape(admin, 3)
    assert admin.find("dialog[open] code").text
    admin.press("Done")
    wait_for(lambda: not admin.all("dialog"), what="the end of the dialog")
    admin.press("Revoke escaped-key")
    admin.find("dialog[open]")
    press_escape(admin, 2)
    wait_for(lambda: not admin.all("dialog"), what="the end of the question")


def test_a_role_changes_after_a_question(admin, world):
    def role():
        return next(each["role"] for each in world.rest.org("GET", "members").body["members"] if each["name"] == "otto")
    admin.open("access")
    admin.script("""const select = document.querySelector('[aria-label="Role of otto"]');
                    select.value = 'member'; select.dispatchEvent(new Event('change', {bubbles: true}))""")
    admin.press("Change the role of otto")
    assert role() == "viewer"
    admin.press("Change the role")
    wait_for(lambda: role() == "member", what="the new role")
    assert world.rest.org("PUT", "members/otto", {"role": "viewer"}).status == 200


def test_a_member_is_not_added_twice(admin):
    admin.open("access")
    admin.press("New member")
    admin.script("document.querySelectorAll('details[open] input')[0].focus()")
    admin.type("otto")
    admin.wait_text("otto is a member already.")
    assert admin.button("Add the member").get_attribute("aria-disabled") == "true"


def test_after_signing_out_title_and_address_have_no_names(fresh, world):
    fresh.sign_in(world.tokens["viewer"], "sets/support-keys")
    assert "support-keys" in fresh.driver.title
    fresh.press("Sign out")
    fresh.find("input.secret")
    assert fresh.driver.title == "agent-secrets" and "#" not in fresh.driver.current_url


def test_a_page_that_the_browser_kept_is_signed_out(fresh, world):
    fresh.sign_in(world.tokens["viewer"], "sets")
    fresh.script("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    fresh.find("input.secret")
    assert "support-keys" not in fresh.script("return document.body.textContent")


def test_members_see_public_api_keys_and_may_make_them(sessions, world):
    member = sessions("member").open("access")
    member.wait_text("API keys")
    assert member.button("New API key")
    assert "Tokens" not in [each.text for each in member.all("h2")]


def test_the_action_of_a_log_does_not_hide_the_records_of_another(admin):
    admin.open("audit")
    admin.wait_text("set.write")
    admin.script("""const select = document.getElementById([...document.querySelectorAll('label')].find(
                    l => l.textContent.trim() === 'Action').htmlFor);
                    select.value = 'set.write'; select.dispatchEvent(new Event('change', {bubbles: true}))""")
    admin.script("""const select = document.getElementById([...document.querySelectorAll('label')].find(
                    l => l.textContent.trim() === 'Log').htmlFor);
                    select.value = 'us-west'; select.dispatchEvent(new Event('change', {bubbles: true}))""")
    admin.wait_text("bundle")
    assert admin.field("Action").get_attribute("value") == ""
    wait_for(lambda: admin.all("tbody tr"), what="the records of bundles")
    admin.find("input[type=search]").send_keys("no-such-record")
    admin.wait_text("Nothing among the")


def test_two_tabs_have_sessions_of_their_own(fresh, world):
    fresh.sign_in(world.tokens["viewer"], "sets")
    first = fresh.driver.current_window_handle
    fresh.driver.switch_to.new_window("tab")
    fresh.driver.get(world.url)
    fresh.find("input.secret")
    fresh.driver.switch_to.window(first)
    fresh.open("fleet")
    fresh.wait_text("support-bot")


def test_two_tabs_write_to_one_set_and_see_each_others_keys(fresh, world):
    world.write("tab-keys", A="1")
    fresh.sign_in(world.tokens["member"], "sets/tab-keys")
    first = fresh.driver.current_window_handle
    fresh.field("Key").send_keys("FROM_FIRST")
    fresh.field("Value").send_keys("value-of-the-first-tab")
    fresh.driver.switch_to.new_window("tab")
    fresh.sign_in(world.tokens["member"], "sets/tab-keys")
    fresh.field("Key").send_keys("FROM_SECOND")
    fresh.field("Value").send_keys("value-of-the-second-tab")
    fresh.press("Write the key")
    fresh.wait_text("1 key sent: FROM_SECOND.")
    fresh.driver.switch_to.window(first)
    fresh.driver.execute_cdp_cmd("Page.bringToFront", {})
    wait_for(lambda: "FROM_SECOND" in fresh.script("return document.querySelector('tbody').textContent"), what="the key of the other tab")
    assert fresh.field("Value").get_attribute("value") == "value-of-the-first-tab"
    fresh.press("Write the key")
    fresh.wait_text("1 key sent: FROM_FIRST.")
    keys = [each["fieldName"] for each in world.rest.org("GET", "secrets/tab-keys").body["secrets"]]
    assert sorted(keys) == ["A", "FROM_FIRST", "FROM_SECOND"]


def test_a_connection_that_breaks_in_the_middle_of_a_write_loses_nothing(world):
    world.write("broken-keys", A="1")
    with WebProxy(world.control_plane) as proxy, Browser(proxy.url) as browser:
        browser.sign_in(world.tokens["member"], "sets/broken-keys")
        browser.press("Paste a .env")
        paste(browser, "B=value-of-b\nC=value-of-c\n")
        proxy.cut("PUT", "secrets/broken-keys")
        browser.press("Write 2 keys")
        browser.wait_text("The control plane does not answer.")
        browser.wait_text("It is not known whether this was written: look before you repeat it.")
        # The list of keys is live, so a look is enough: the server has written them.
        wait_for(lambda: "C" in browser.script("return document.querySelector('tbody').textContent"), what="the keys in the list")
        assert browser.field("Text of a .env file").get_attribute("value") == "B=value-of-b\nC=value-of-c\n"
        browser.press("Write 2 keys")
        browser.wait_text("2 keys sent: B, C.")
    assert len(world.rest.org("GET", "secrets/broken-keys").body["secrets"]) == 3


def test_a_pasted_file_outlives_the_end_of_a_token(fresh, world):
    world.write("outlived-keys", A="1")
    token = world._run("token", "create", "outlived", "--role", "member")
    fresh.sign_in(token, "sets/outlived-keys")
    fresh.press("Paste a .env")
    paste(fresh, "B=value-of-b\nC=value-of-c\n")
    world._run("token", "revoke", "outlived")
    fresh.press_at_once("Write 2 keys")
    fresh.wait_text("Sign in again")
    fresh.find("dialog input.secret").send_keys(world.tokens["viewer"] + "x")
    fresh.press("Sign in")
    fresh.find("dialog .notice.error")
    assert fresh.field("Text of a .env file").get_attribute("value")
    fresh.find("dialog input.secret").clear()
    fresh.find("dialog input.secret").send_keys(world.tokens["member"])
    fresh.press("Sign in")
    fresh.wait_text("2 keys sent: B, C.")
