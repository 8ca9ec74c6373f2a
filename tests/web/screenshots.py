"""The pictures of docs/web: script/web-screenshots runs this file. 256 colors keep a picture small."""

import contextlib
import sqlite3
import subprocess

import pytest

from support.browser import PHONE, Browser
from support.programs import ROOT

FOLDER = ROOT / "docs" / "web"
# By name: the view, whether it is dark, and its height.
PICTURES = {
    "fleet": ("fleet", False, 720), "set": ("sets/support-keys", False, 1010), "agent": ("agents/support-bot", True, 880),
    "sets": ("sets", True, 420), "audit": ("audit", False, 900),
}
HOUR = 3600 * 1000


@pytest.fixture(scope="module", autouse=True)
def hours_of_history(world):
    """As if instances had run for hours: the new release came in the course of the last five."""
    with contextlib.closing(sqlite3.connect(world.control_plane.data_dir / "region-us-west.db", timeout=10)) as region:
        rows = region.execute("SELECT rowid, instance FROM instances ORDER BY rowid").fetchall()
        for number, (row, instance) in enumerate(rows):
            age = 11 * HOUR + number * HOUR // 40
            since = number % 31 * 5 * HOUR // 31 if instance.startswith("pod") else age
            region.execute("UPDATE instances SET first_seen = first_seen - ?, since = since - ? WHERE rowid = ?", (age, since, row))
        region.commit()


def make_small(path):
    subprocess.run(["pngquant", "--force", "--output", path, "64", path], check=True)


@pytest.mark.parametrize("name", PICTURES)
def test_picture(world, name):
    view, dark, height = PICTURES[name]
    FOLDER.mkdir(exist_ok=True)
    with Browser(world.url, dark=dark).sign_in(world.tokens["admin"], view) as browser:
        browser.wait_text("Live")
        browser.picture(FOLDER / f"{name}.png", height=height)
    make_small(FOLDER / f"{name}.png")


def test_picture_of_a_phone(world):
    with Browser(world.url, size=PHONE).sign_in(world.tokens["viewer"], "sets/support-keys") as browser:
        browser.wait_text("Live")
        browser.picture(FOLDER / "phone.png", height=PHONE[1])
    make_small(FOLDER / "phone.png")
