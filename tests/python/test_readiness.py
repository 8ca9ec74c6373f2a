"""readyz(), asked as Pipecat Cloud's base image asks it."""

import fcntl
import json

import pytest
from agent_secrets import readyz, session

NEVER_UNREADY = {"stale": True, "superseded": True}


@pytest.mark.parametrize(
    ("unready_when", "ready"),
    [
        ("stale", {"stale": False, "superseded": False}),
        ("superseded", {"stale": True, "superseded": False}),
        ("never", NEVER_UNREADY),
        (None, {"stale": True, "superseded": False}),
    ],
)
@pytest.mark.parametrize("by_argument", [True, False])
def test_states_that_make_it_unready(flag, running_sidecar, monkeypatch, unready_when, ready, by_argument):
    if unready_when and not by_argument:
        monkeypatch.setenv("AGENT_SECRETS_UNREADY_WHEN", unready_when)
    for state, expected in ready.items():
        flag(state)
        answer = readyz(unready_when) if by_argument else readyz()
        assert answer["ready"] is expected
        assert answer["status"] == f"redeploy needed: {state}"


def test_an_argument_beats_the_environment(flag, running_sidecar, monkeypatch):
    monkeypatch.setenv("AGENT_SECRETS_UNREADY_WHEN", "never")
    flag("stale")
    assert readyz("stale")["ready"] is False


def test_current_is_ready_and_fits_into_json(running_sidecar, warnings):
    assert readyz("stale") == {"ready": True, "status": "ok", "active_sessions": 0, "sidecar": True}
    assert json.loads(json.dumps(readyz())) == readyz()
    assert warnings() == []


def test_it_says_how_many_sessions_go_on(flag, running_sidecar):
    flag("superseded")
    with session():
        assert readyz()["active_sessions"] == 1


def test_readiness_does_not_fall_with_the_sidecar(state_dir, warnings):
    for _ in range(3):
        answer = readyz("stale")
        assert (answer["ready"], answer["sidecar"]) == (True, False)
    assert len(warnings()) == 1 and "no sidecar" in warnings()[0]


def test_what_a_dead_sidecar_left_is_no_sidecar(state_dir):
    (state_dir / "sidecar.lock").touch()
    assert readyz()["sidecar"] is False
    (state_dir / "sidecar.alive").touch()
    assert readyz()["sidecar"] is False


def test_whoever_may_only_read_is_not_taken_for_a_sidecar(state_dir):
    (state_dir / "sidecar.alive").touch()
    with open(state_dir / "sidecar.alive") as reader:
        fcntl.flock(reader, fcntl.LOCK_EX)
        assert readyz()["sidecar"] is False


def test_a_sidecar_of_an_older_version_is_seen(state_dir):
    with open(state_dir / "sidecar.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert readyz()["sidecar"] is True
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert readyz()["sidecar"] is False


def test_what_a_dead_sidecar_knew_still_holds(flag):
    flag("stale")
    assert readyz("stale")["ready"] is False


def test_a_misspelt_setting_counts_as_the_default_and_is_said_once(flag, running_sidecar, monkeypatch, warnings):
    monkeypatch.setenv("AGENT_SECRETS_UNREADY_WHEN", "stael")
    flag("stale")
    assert readyz()["ready"] and readyz()["ready"]
    flag("superseded")
    assert not readyz()["ready"]
    assert len(warnings()) == 1 and "'stael'" in warnings()[0]
