#!/usr/bin/python3
"""Measures the web page in headless Chromium over TLS from loopback: its first paint, 10,000 instances, and the greatest
number of sets and agents. Fails when a figure is above its bound.

The floor is the first paint of an answer of a few words from the same server. Each figure is the median of a few
rounds. Needs what script/bootstrap --web installs. Usage: tests/bench/page.py [--rounds 9]
"""

import argparse
import contextlib
import pathlib
import site
import sqlite3
import statistics
import sys
import tempfile
import time

import bench_support  # noqa: F401: finds `support`
from support import programs

for folder in (programs.ROOT / "build" / "web" / "lib").glob("python3*/site-packages"):
    site.addsitedir(str(folder))
try:
    from support.browser import Browser, wait_for
except ImportError:
    sys.exit("no browser: run script/bootstrap --web")

from support.web_world import WebWorld, serving  # noqa: E402

FIRST_PAINT_MS, SHOWN_MS = 150, 300
INSTANCES = 10_000
SETS, AGENTS = 1_000, 200  # docs/limits.md
TIME = "2026-01-01T00:00:00.000Z"


class Figures:
    def __init__(self, rounds):
        self._rounds = rounds
        self.all_met = True

    def take(self, name, measure, at_most=None):
        """Prints a line; `measure` returns milliseconds."""
        times = [measure() for _ in range(self._rounds)]
        median = statistics.median(times)
        met = at_most is None or median <= at_most
        self.all_met = self.all_met and met
        bound = "" if at_most is None else f", at most {at_most}" + ("" if met else ": NOT MET")
        print(f"{name:44} median {median:4.0f} ms  min {min(times):4.0f}  max {max(times):4.0f}{bound}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options, _ = parser.parse_known_args()
    figures = Figures(options.rounds)
    with tempfile.TemporaryDirectory(prefix="agent-secrets-bench.") as name:
        with serving(pathlib.Path(name) / "world") as control_plane, WebWorld(control_plane) as world:
            with Browser(world.url) as browser:
                measure_first_paint(figures, browser, world)
            with Browser(world.url) as browser:
                measure_largest_organization(figures, browser, world)
        with serving(pathlib.Path(name) / "many") as control_plane:
            measure_many_instances(figures, control_plane)
    return 0 if figures.all_met else 1


# The first paint


def measure_first_paint(figures, browser, world):
    def paint_of(url):
        def measure():
            browser.driver.get("about:blank")
            browser.driver.get(url)
            return wait_for(lambda: browser.script(
                "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"), what="the first paint")
        measure()  # the connection and the browser are warm after this
        return measure
    # /livez answers with a few words, without a style or a script.
    figures.take("floor: first paint of a few words", paint_of(f"{world.url}/livez"))
    figures.take("first paint", paint_of(world.url), FIRST_PAINT_MS)


# Many rows

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


def measure_many_instances(figures, control_plane):
    make_many_instances(control_plane)
    with Browser(control_plane.url) as browser:
        browser.sign_in(control_plane.token, "agents/bot")
        browser.wait_text("10,000 instances")

        def measure():
            took = shown_in(browser, lambda: browser.press("Show the instances"), "pod-9999", "pod-0")
            browser.script("location.hash = '#/acme/settings'")  # else the rows of before are shown at once
            browser.wait_text("Image pull secrets")
            browser.script("location.hash = '#/acme/agents/bot'")
            browser.wait_text("10,000 instances")
            return took
        figures.take(f"{INSTANCES} instances", measure, SHOWN_MS)


def make_many_instances(control_plane):
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


def measure_largest_organization(figures, browser, world):
    browser.sign_in(world.tokens["viewer"], "settings")
    browser.answer(largest_organization())
    browser.open("audit")
    wait_for(lambda: browser.script("return document.querySelector('.live.on')"), what="the fleet")
    for view, in_answer, on_page in (("sets", "set-0999", "set-0099"), ("fleet", None, "agent-099"), ("agents", None, "agent-099")):
        figures.take(f"{SETS} sets and {AGENTS} agents, {view}", view_time(browser, view, in_answer, on_page), SHOWN_MS)


def view_time(browser, view, in_answer, on_page):
    def go():
        # The fleet is there already: its time begins with the click.
        browser.script("window.arrived = arguments[0] ? window.arrived : performance.now(); location.hash = arguments[1]",
                       in_answer, f"#/acme/{view}")

    def measure():
        took = shown_in(browser, go, in_answer or "no answer has this", on_page)
        browser.script("location.hash = '#/acme/settings'")
        wait_for(lambda: on_page not in browser.text, what="the other view")
        return took
    return measure


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


if __name__ == "__main__":
    sys.exit(main())
