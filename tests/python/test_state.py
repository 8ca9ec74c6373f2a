"""Where the package looks for the state directory when nothing names one: as the programs do (core/state_place.h)."""

import os

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
