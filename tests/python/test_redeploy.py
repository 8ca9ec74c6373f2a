"""redeploy_needed(): the flag, whole, half, missing or garbage."""

import dataclasses
import datetime
import json
import os

import pytest
from agent_secrets import redeploy, redeploy_needed


def test_no_file_means_no_redeploy(state_dir, warnings):
    assert redeploy_needed() is None
    assert warnings() == []


def test_no_directory_means_no_redeploy(tmp_path, monkeypatch, warnings):
    monkeypatch.setenv("AGENT_SECRETS_STATE_DIR", str(tmp_path / "not-there"))
    assert redeploy_needed() is None
    assert warnings() == []


def test_the_facts_are_typed(flag):
    flag("stale")
    found = redeploy_needed()
    assert found.state == "stale"
    assert found.since == datetime.datetime(2026, 11, 23, 14, 2, 6, 123000, tzinfo=datetime.timezone.utc)
    assert found.changed_keys == {"bot-secrets": ("GREETING",)}
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.state = "current"


def test_a_release_that_the_control_plane_forgot_is_superseded_all_the_same(flag):
    flag("superseded", running=None, latest=None)
    assert redeploy_needed().state == "superseded"
    assert redeploy_needed().changed_keys == {}


def test_the_next_call_sees_a_replaced_and_a_removed_flag(flag):
    flag("stale")
    assert redeploy_needed().state == "stale"
    flag("superseded")
    assert redeploy_needed().state == "superseded"
    flag(None)
    assert redeploy_needed() is None


def test_an_unchanged_flag_is_not_read_again(flag, monkeypatch):
    flag("stale")
    first = redeploy_needed()
    monkeypatch.setattr(redeploy, "_read", lambda path: pytest.fail("read again"))
    assert redeploy_needed() is first


GARBAGE = {
    "empty": b"",
    "half": b'{"schema": 1, "state": "st',
    "no object": b"[]",
    "null": b"null",
    "no members": b"{}",
    "another schema": b'{"schema": 2, "state": "stale", "since": "2026-11-23T14:02:06Z"}',
    "another state": b'{"schema": 1, "state": "melted", "since": "2026-11-23T14:02:06Z"}',
    "no time": b'{"schema": 1, "state": "stale", "since": "yesterday"}',
    "time of a wrong type": b'{"schema": 1, "state": "stale", "since": 5}',
    "sets of a wrong type": b'{"schema": 1, "state": "stale", "since": "2026-11-23T14:02:06Z", "latest": {"sets": [5]}}',
    "latest of a wrong type": b'{"schema": 1, "state": "stale", "since": "2026-11-23T14:02:06Z", "latest": "x"}',
    "no text": b"\xff\xfe\x00",
    "too deep": b"[" * 100_000,
    "too large": b" " * (redeploy.MAX_BYTES + 1),
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_no_redeploy_and_is_said_once(state_dir, content, warnings, flag):
    (state_dir / "redeploy.json").write_bytes(content)
    assert redeploy_needed() is None
    assert redeploy_needed() is None
    assert len(warnings()) == 1 and "redeploy.json" in warnings()[0]
    flag("stale")
    assert redeploy_needed().state == "stale"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_what_is_no_file_neither_blocks_nor_raises(state_dir, make, warnings):
    make(state_dir / "redeploy.json")
    assert redeploy_needed() is None
    assert redeploy_needed() is None
    assert len(warnings()) == 1


def test_a_link_is_not_followed(state_dir, flag, warnings):
    flag("stale")
    (state_dir / "redeploy.json").rename(state_dir / "elsewhere")
    (state_dir / "redeploy.json").symlink_to("elsewhere")
    assert redeploy_needed() is None
    assert len(warnings()) == 1


def test_the_same_trouble_is_said_again_after_it_was_gone(state_dir, flag, warnings):
    for _ in range(2):
        (state_dir / "redeploy.json").write_bytes(b"{")
        redeploy_needed()
        flag("stale")
        redeploy_needed()
    assert len(warnings()) == 2


def test_a_member_of_a_later_version_does_no_harm(flag):
    flag("stale", urgency="soon", latest={"sets": [{"name": "a", "changed_keys": ["K"], "more": 1}], "more": {}})
    assert redeploy_needed().changed_keys == {"a": ("K",)}


def test_the_sidecars_own_example_is_understood(state_dir):
    """The example in docs/sidecar.md, abbreviations and all."""
    from support.programs import ROOT

    text = (ROOT / "docs" / "sidecar.md").read_text()
    example = text[text.index('    {"schema": 1, "state": "stale"') :].split("\n\n")[0]
    assert json.loads(example)["schema"] == redeploy.SCHEMA
    (state_dir / "redeploy.json").write_text(example)
    assert redeploy_needed().changed_keys == {"bot-secrets": ("GREETING",)}
