"""The package under test is base-image/agent_secrets, imported from its source."""

import json
import logging
import subprocess
import sys

import pytest
from support.programs import ROOT

sys.path.insert(0, str(ROOT / "base-image"))

from agent_secrets import _state, redeploy, sessions  # noqa: E402


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """What the package remembers belongs to one test."""
    monkeypatch.setattr(_state, "_last_said", {})
    monkeypatch.setattr(redeploy, "_cached", None)
    monkeypatch.setattr(sessions, "_counter", sessions._Counter())
    for name in ("AGENT_SECRETS_STATE_DIR", "AGENT_SECRETS_UNREADY_WHEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def state_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("AGENT_SECRETS_STATE_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def flag(state_dir):
    """Writes redeploy.json as the sidecar does: flag("stale"), flag(None) removes it."""
    path = state_dir / "redeploy.json"

    def write(state, **members):
        if state is None:
            path.unlink()
            return
        document = {
            "schema": 1, "state": state, "organization": "acme", "agent": "bot", "since": "2026-11-23T14:02:06.123Z",
            "running": {"sequence": 5, "deployment": "d1", "sets": [{"name": "bot-secrets", "version": 2}]},
            "latest": {"sequence": 5, "deployment": "d1",
                       "sets": [{"name": "bot-secrets", "version": 3, "changed_keys": ["GREETING"]},
                                {"name": "shared", "version": 1, "changed_keys": []}]},
        }
        document.update(members)
        new = state_dir / ".redeploy.json.new"
        new.write_text(json.dumps(document))
        new.replace(path)

    return write


@pytest.fixture
def running_sidecar(state_dir):
    """Another process holds the lock that a sidecar holds while it lives."""
    script = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script, state_dir / "sidecar.alive"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        yield
        holder.stdin.close()


@pytest.fixture
def warnings(caplog):
    """The messages that the package has logged, so far."""
    caplog.set_level(logging.WARNING, "agent_secrets")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "agent_secrets"]
