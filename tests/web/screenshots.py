"""The pictures of docs/web: script/web-screenshots runs this file. 256 colors keep a picture small."""

import subprocess

import pytest

from support.browser import PHONE, Browser
from support.programs import ROOT

FOLDER = ROOT / "docs" / "web"
PICTURES = {
    "fleet": ("fleet", False), "set": ("sets/support-keys", False), "agent": ("agents/support-bot", True), "sets": ("sets", True),
    "audit": ("audit", False),
}


def make_small(path):
    subprocess.run(["pngquant", "--force", "--output", path, "64", path], check=True)


@pytest.mark.parametrize("name", PICTURES)
def test_picture(world, name):
    view, dark = PICTURES[name]
    FOLDER.mkdir(exist_ok=True)
    with Browser(world.url, dark=dark).sign_in(world.tokens["admin"], view) as browser:
        browser.wait_text("Live")
        browser.picture(FOLDER / f"{name}.png", height=860)
    make_small(FOLDER / f"{name}.png")


def test_picture_of_a_phone(world):
    with Browser(world.url, size=PHONE).sign_in(world.tokens["viewer"], "sets/support-keys") as browser:
        browser.wait_text("Live")
        browser.picture(FOLDER / "phone.png", height=PHONE[1])
    make_small(FOLDER / "phone.png")
