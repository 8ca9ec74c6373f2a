"""A browser, and a control plane over TLS with an organization that has sets, agents and instances."""

import contextlib
import pathlib
import site

import pytest
from support import programs
from support.web_world import WebWorld, serving

for folder in (programs.ROOT / "build" / "web" / "lib").glob("python3*/site-packages"):
    site.addsitedir(str(folder))
try:
    from support import browser
except ImportError:
    browser = None

if not browser or not pathlib.Path("/usr/bin/chromedriver").exists():
    collect_ignore_glob = ["*.py"]


def pytest_report_header():
    return "web page: " + ("tested with Chromium" if browser else "not tested; run script/bootstrap --web")


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """Sets, agents and instances on several versions. Tests change only what they have made themselves."""
    with serving(tmp_path_factory.mktemp("world")) as running, WebWorld(running) as made:
        yield made


@pytest.fixture(scope="session")
def sessions(world):
    """One signed-in browser for each role: starting one takes seconds."""
    with contextlib.ExitStack() as stack:
        opened = {}

        def session(role):
            if role not in opened:
                opened[role] = stack.enter_context(browser.Browser(world.url)).sign_in(world.tokens[role])
            return opened[role]

        yield session


@pytest.fixture
def admin(sessions):
    return sessions("admin")


@pytest.fixture
def member(sessions):
    return sessions("member")


@pytest.fixture(scope="session")
def visitor(world):
    with browser.Browser(world.url) as opened:
        yield opened


@pytest.fixture
def fresh(visitor):
    """A browser in which nobody is signed in: a reload ends the session, and nothing of the session is stored."""
    visitor.start_again()
    return visitor
