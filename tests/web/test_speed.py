"""Figures: the first paint, ten thousand instances, and the greatest number of sets and agents."""

import contextlib
import sqlite3
import time

import pytest

from support.browser import Browser
from support.wait import wait_for
from support.web_world import serving

FIRST_PAINT_MS = 150
INSTANCES = 10_000
SETS, AGENTS = 1_000, 200  # docs/limits.md
SHOWN_MS = 300
TIME = "2026-01-01T00:00:00.000Z"


def quickest(measure, most):
    """Other tests use the processors at the same time: the quickest of a few counts."""
    found = []
    while len(found) < 3 or (len(found) < 20 and min(found) >= most):
        found.append(measure())
    return min(found), [round(each) for each in found]


def test_the_first_paint_is_quick(visitor, world):
    def measure():
        visitor.driver.refresh()
        visitor.find("h1")
        return wait_for(lambda: visitor.script("return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"),
                        what="the first paint")
    visitor.start_again()
    visitor.driver.get(world.url)  # the connection and the browser are warm after this
    visitor.find("h1")
    took, all_of_them = quickest(measure, FIRST_PAINT_MS)
    print(f"figure: first paint {took:.0f} ms (of {all_of_them})")
    assert took < FIRST_PAINT_MS


# From the arrival of an answer to the painted rows: the server's time is not the page's.
CLOCK = """
const [inAnswer, onPage] = arguments;
window.realText ??= Response.prototype.text;
window.arrived = window.shown = undefined;
Response.prototype.text = async function () {
  const text = await window.realText.call(this);
  if (text.includes(inAnswer)) window.arrived = performance.now();
  return text;
};
new MutationObserver((_, observer) => {
  if (!window.arrived || !document.body.textContent.includes(onPage)) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.shown = performance.now(); }));
}).observe(document.body, {subtree: true, childList: true});
"""


def shown_in(browser, act, in_answer, on_page):
    browser.script(CLOCK, in_answer, on_page)
    act()
    return wait_for(lambda: browser.script("return window.shown && window.shown - window.arrived"), 30, on_page)


def many_instances(control_plane):
    rest = control_plane.rest()
    rest.put_secrets("bot-keys", A="1")
    control_plane.wait_ready("bot-keys")
    assert rest.deploy("bot", secretSet="bot-keys").status == 200
    control_plane.stop()
    with contextlib.closing(sqlite3.connect(control_plane.data_dir / "region-us-west.db")) as region:
        agent, sequence = region.execute("SELECT id, sequence FROM agents").fetchone()
        now = int(time.time() * 1000)
        region.executemany(
            "INSERT INTO instances (agent_id, instance, sequence, kid, active_sessions, first_seen, since, last_heard, watched)"
            " VALUES (?, ?, ?, 'k', 1, ?, ?, ?, 1)",
            [(agent, f"pod-{number}", sequence, now, now, now) for number in range(INSTANCES)])
        region.commit()
    control_plane.start()


def test_ten_thousand_instances_are_shown_quickly(tmp_path):
    with serving(tmp_path) as control_plane:
        many_instances(control_plane)
        with Browser(control_plane.url).sign_in(control_plane.token, "agents/bot") as browser:
            browser.wait_text("10,000 instances")

            def measure():
                took = shown_in(browser, lambda: browser.press("Show the instances"), "pod-9999", "pod-0")
                browser.script("location.hash = '#/acme/settings'")  # else the rows of before are shown at once
                browser.wait_text("Image pull secrets")
                browser.script("location.hash = '#/acme/agents/bot'")
                browser.wait_text("10,000 instances")
                return took
            took, all_of_them = quickest(measure, SHOWN_MS)
            browser.press("Show the instances")
            browser.find("input[type=search]").send_keys("pod-9999")
            wait_for(lambda: len(browser.all("section.card tbody tr")) == 1, what="the filtered instance")
    print(f"figure: {INSTANCES} instances in {took:.0f} ms (of {all_of_them})")
    assert took < SHOWN_MS


def largest_organization():
    sets = [{"name": f"set-{number:04}", "type": "secret", "region": "us-west", "status": "ready", "version": 3, "readyVersion": 3,
             "updatedAt": TIME} for number in range(SETS)]
    states = {"current": 30, "stale": 20, "superseded": 0, "unbound": 0, "revoked": 0, "unknown": 0}
    agents = []
    for number in range(AGENTS):
        name = f"set-{number:04}"
        releases = [{"state": "stale", "deploymentId": "d", "sets": [{"name": name, "version": version}], "instances": 10, "oldestSince": TIME}
                    for version in (1, 2)]
        agents.append({
            "agent": f"agent-{number:03}", "region": "us-west", "deleted": False, "image": "registry.example/bot:1", "secretSet": name,
            "deploymentId": "d", "ready": True, "deployedAt": TIME, "instanceCount": 50, "states": states, "unwatchedCount": 0,
            "sets": [{"name": name, "version": 2, "readyVersion": 3, "follows": False}], "silentCount": 0, "developerRunCount": 0,
            "activeSessionCount": 9, "releases": releases, "history": {"current": [30] * 24, "older": [20] * 24}})
    fleet = {"tag": "t", "time": TIME, "historyStepSeconds": 1800, "agents": agents,
             "regions": [{"region": "us-west", "readable": True, "heardUntil": TIME, "settled": True}]}
    return {"secrets": {"sets": sets}, "fleet": fleet}


@pytest.mark.parametrize(("view", "in_answer", "on_page"), [
    ("sets", "set-0999", "set-0099"), ("fleet", None, "agent-099"), ("agents", None, "agent-099"),
])
def test_the_largest_organization_is_shown_quickly(visitor, world, view, in_answer, on_page):
    visitor.start_again()
    visitor.sign_in(world.tokens["viewer"], "settings")
    visitor.answer(largest_organization())
    visitor.open("audit")
    wait_for(lambda: visitor.script("return document.querySelector('.live.on')"), what="the fleet")

    def measure():
        def go():
            # The fleet is there already: its time begins with the click.
            visitor.script("window.arrived = arguments[0] ? window.arrived : performance.now(); location.hash = arguments[1]",
                           in_answer, f"#/acme/{view}")
        took = shown_in(visitor, go, in_answer or "no answer has this", on_page)
        visitor.script("location.hash = '#/acme/settings'")
        wait_for(lambda: on_page not in visitor.text, what="the other view")
        return took
    took, all_of_them = quickest(measure, SHOWN_MS)
    print(f"figure: {SETS} sets and {AGENTS} agents, {view}, in {took:.0f} ms (of {all_of_them})")
    assert took < SHOWN_MS
