"""Hostile names, foreign pages and injected scripts."""

import functools
import http.server
import threading

import pytest

NAMES = {
    "markup": "<script>window.broken=1</script>",
    "image": '"><img src=x onerror=window.broken=1>',
    "bidi": "a\u202egnp.exe",
    "long": "n" * 200,
    "emoji": "\U0001f511\U0001f469\u200d\U0001f4bb",
}


@pytest.fixture(scope="module")
def hostile():
    """What a server could answer if its rules for names failed: the page must not depend on them."""
    agents = [{
        "agent": name, "region": "us-west", "deleted": False, "image": name, "secretSet": name, "deploymentId": "d", "ready": True,
        "deployedAt": "2026-01-01T00:00:00.000Z", "sets": [{"name": name, "version": 1, "readyVersion": 2, "follows": False}],
        "instanceCount": 1, "states": {"current": 1, "stale": 0, "superseded": 0, "unbound": 0, "revoked": 0, "unknown": 0},
        "unwatchedCount": 0, "silentCount": 0, "developerRunCount": 0, "activeSessionCount": 0,
        "releases": [{"state": "current", "deploymentId": "d", "sets": [{"name": name, "version": 1}], "instances": 1,
                      "oldestSince": "2026-01-01T00:00:00.000Z"}],
        "history": {"current": [1] * 24, "older": [0] * 24}} for name in NAMES.values()]
    sets = [{"name": name, "type": "secret", "region": "us-west", "status": "failed", "errorMessage": name, "version": 2,
             "readyVersion": 1, "updatedAt": "2026-01-01T00:00:00.000Z"} for name in NAMES.values()]
    one = {"region": "us-west", "status": "ready", "version": 2, "readyVersion": 2, "updatedAt": "2026-01-01T00:00:00.000Z",
           "warning": NAMES["markup"], "secrets": [{"fieldName": name, "version": 1} for name in NAMES.values()]}
    records = [{"id": number, "time": "2026-01-01T00:00:00.000Z", "actor": {"kind": "user", "id": "1", "name": name}, "address": name,
                "action": name, "object": name, "detail": name, "outcome": name, "authentic": True}
               for number, name in enumerate(NAMES.values())]
    events = [{"time": "2026-01-01T00:00:00.000Z", "kind": name, "text": name} for name in NAMES.values()]
    return {"fleet": {"tag": "t", "time": "2026-01-01T00:00:00.000Z", "historyStepSeconds": 1800, "regions": [], "agents": agents},
            "secrets": {"sets": sets}, "secrets/*": one, "audit": {"records": records}, "services/*/events": {"events": events},
            "members": {"members": [{"name": name, "email": name, "role": "viewer"} for name in NAMES.values()]}}


def test_hostile_names_are_text_and_break_nothing(fresh, world, hostile):
    fresh.sign_in(world.tokens["admin"], "settings")
    fresh.answer(hostile)
    for view in ("fleet", "sets", "sets/any", "agents", "audit", "access"):
        fresh.script("location.hash = arguments[0]", "#/acme/" + view)
        fresh.wait_text(NAMES["image"], timeout=15)
        assert NAMES["markup"] in fresh.text
        assert "a[U+202E]gnp.exe" in fresh.text
        assert fresh.script("return window.broken") is None
        assert not fresh.script("return document.querySelector('main img')")
        assert not fresh.overflows(), view
        assert fresh.blocked() == []


def test_an_injected_inline_script_is_blocked(fresh, world):
    fresh.sign_in(world.tokens["viewer"])
    refused = fresh.script("""
        const s = document.createElement('script');
        try { s.textContent = 'window.broken = 1'; document.body.append(s); } catch (e) { return String(e); }
        return '';""")
    assert "TrustedScript" in refused or "script-src-elem" in fresh.blocked()
    fresh.script("""
        const a = document.createElement('a');
        try { a.setAttribute('onclick', 'window.broken = 1'); document.body.append(a); a.click(); } catch { }""")
    assert fresh.script("return window.broken") is None
    assert [each for each in fresh.blocked() if each.startswith(("script-src", "require-trusted-types"))]


def test_markup_from_a_string_is_blocked(fresh, world):
    fresh.sign_in(world.tokens["viewer"])
    refused = fresh.script("""
        try { document.body.innerHTML = '<b>x</b>'; } catch (e) { return String(e); }
        return '';""")
    assert "TrustedHTML" in refused
    assert fresh.find("h1")


def test_a_foreign_origin_is_never_asked(fresh, world):
    fresh.sign_in(world.tokens["viewer"])
    result = fresh.driver.execute_async_script("""
        const done = arguments[0];
        fetch('http://127.0.0.1:9/').then(() => done('sent'), () => setTimeout(() => done('refused'), 100));""")
    assert result == "refused" and "connect-src" in fresh.blocked()


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


def test_a_foreign_page_can_neither_frame_nor_use_it(fresh, world, foreign_page):
    before = world.rest.org("GET", "secrets/support-keys").body
    fresh.driver.get(foreign_page)
    assert fresh.script("""
        try { return document.getElementById('frame').contentDocument ? 'readable' : 'unreadable'; } catch (e) { return 'unreadable'; }
        """) == "unreadable"
    fresh.driver.switch_to.frame("frame")
    assert not fresh.all("#app h1")
    fresh.driver.switch_to.default_content()
    fresh.script("document.getElementById('form').submit()")
    asked = fresh.driver.execute_async_script("""
        const done = arguments[1];
        fetch(arguments[0], {credentials: 'include'}).then((r) => r.text().then((t) => done('read ' + t)), () => done('refused'));
        """, f"{world.url}/v1/organizations/acme/secrets")
    assert asked == "refused"
    assert world.rest.org("GET", "secrets/support-keys").body == before
