"""Where the package looks for the state directory when nothing names one, and how it spells the files there: as the
programs do (core/state_place.h, core/shared_names.h)."""

import os
import pathlib
import re

import pytest

from agent_secrets import _state


@pytest.fixture
def user(monkeypatch):
    """user(may_write, runtime_directory): an ordinary user, and whether the system's directory is open to it."""
    def become(may_write, runtime_directory):
        monkeypatch.delenv("AGENT_SECRETS_STATE_DIR", raising=False)
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        monkeypatch.setattr(os, "access", lambda path, mode: path == _state.SYSTEM_DIRECTORY and may_write)
        if runtime_directory is None:
            monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        else:
            monkeypatch.setenv("XDG_RUNTIME_DIR", runtime_directory)
    return become


@pytest.mark.parametrize("may_write, runtime_directory, expected", [
    (True, "/run/user/1000", "/run/agent-secrets"),
    (False, "/run/user/1000", "/run/user/1000/agent-secrets"),
    (False, "/run/user/1000/", "/run/user/1000/agent-secrets"),
    (False, "user/1000", "/run/agent-secrets"),
    (False, "", "/run/agent-secrets"),
    (False, None, "/run/agent-secrets"),
])
def test_the_directory_is_the_one_that_injector_and_sidecar_take(user, may_write, runtime_directory, expected):
    user(may_write, runtime_directory)
    assert str(_state.directory()) == expected


def test_a_named_directory_wins(user, monkeypatch):
    user(True, "/run/user/1000")
    monkeypatch.setenv("AGENT_SECRETS_STATE_DIR", "/srv/state")
    assert str(_state.directory()) == "/srv/state"


def test_the_files_have_the_names_that_the_programs_use():
    header = pathlib.Path(__file__).parents[2] / "core" / "shared_names.h"
    shared = re.findall(r'= "(.*)";', header.read_text())
    package = pathlib.Path(_state.__file__).parent
    used = {name for source in package.glob("*.py")
            for name in re.findall(r'"((?:sidecar|sessions|redeploy|running)\.\w*)"', source.read_text())}
    assert {"redeploy.json", "sessions.json", "sidecar.alive", "sidecar.lock", "sessions."} == used
    assert used <= set(shared)
    assert {_state.SYSTEM_DIRECTORY, "AGENT_SECRETS_STATE_DIR"} <= set(shared)
