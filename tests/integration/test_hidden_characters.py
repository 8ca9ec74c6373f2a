"""Control characters, direction overrides and invisible characters: refused where names come in, and escaped where an
older database already holds them."""

import contextlib
import json
import re
import sqlite3
import subprocess
import time
import urllib.parse

import pytest

from support import programs
from support.control_plane import ControlPlane

# An escape sequence in both spellings, a line separator, a direction override, a zero-width space, a tag.
HOSTILE = "\x1b[2J\x9b31m\u2028\u202e\u200b\U000e0041"
HIDDEN = ("\x1b", "\x00", "\x07", "\x7f", "\x80", "\x9b", "\x9f", "\u00ad", "\u061c", "\u200b", "\u200d", "\u200e",
          "\u2028", "\u2029", "\u202a", "\u202e", "\u2060", "\u2066", "\u2069", "\ufeff", "\U000e0001", "\U000e0041")
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]")

# What people see of the catalog and of a region. Not what the schema restricts, and no ids.
CATALOG = {
    "organizations": ["name", "verbose_name"],
    "regions": ["display_name"],
    "users": ["name", "email"],
    "tokens": ["name"],
    "api_keys": ["name", "key"],
    "sets": ["name", "error_message"],
    "agents": ["name"],
    "deployments": ["image", "secret_set"],
    "deployment_pins": ["set_name"],
    "agent_events": ["kind", "text"],
    "credentials": ["kid"],
    "allowed_names": ["name"],
}
REGION = {
    "agents": ["organization", "name"],
    "agent_sets": ["name"],
    "value_fingerprints": ["key"],
    "release_sets": ["name"],
    "set_versions": ["set_name"],
    "instances": ["instance"],
}


def shows(text):
    """Nothing but characters that show, and line ends."""
    found = RAW.search(text)
    assert not found, f"{found[0]!r} in {text!r}"
    return text


def texts(value):
    """Every string in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value


def plant(database, tables):
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        for table, columns in tables.items():
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0], f"{table} is empty"
            for column in columns:
                connection.execute(f"UPDATE {table} SET {column} = {column} || ? WHERE {column} IS NOT NULL", (HOSTILE,))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A data directory in which everything that is shown is hostile. No server runs."""
    with ControlPlane(tmp_path_factory.mktemp("hidden") / "control-plane") as control_plane:
        rest = control_plane.rest()
        assert rest.put_secrets("keys", A="1").status == 202
        control_plane.wait_ready("keys")
        assert rest.deploy("bot", secretSet="keys").status == 200
        control_plane.issue_credential("bot")
        assert rest.put_secrets("keys", A="2").status == 202
        control_plane.wait_ready("keys")
        control_plane.run("user", "add", "ann", "--email", "ann@example.com")
        control_plane.run("member", "add", "ann")
        control_plane.run("token", "create", "of-ann", "--user", "ann")
        for kind in ("private", "public"):
            control_plane.run("api-key", "create", kind, "--type", kind)
        control_plane.run("organization", "allow-name", "IFS")
        control_plane.stop()
        catalog = control_plane.data_dir / "catalog.db"
        (region,) = [path for path in control_plane.data_dir.rglob("*.db") if path != catalog]
        with contextlib.closing(sqlite3.connect(region)) as connection, connection:
            for name, last_heard, watched, developers_run in (("instance-1", 1, 1, 0), ("run-1", time.time() * 1000, 0, 1)):
                connection.execute(
                    "INSERT INTO instances SELECT a.id, ?, a.sequence, c.kid, 1, 1, 1, ?, ?, ?"
                    " FROM agents a JOIN credentials c ON c.agent_id = a.id", (name, int(last_heard), watched, developers_run))
        plant(catalog, CATALOG)
        plant(region, REGION)
        control_plane.run("authority", "adopt")  # otherwise the changed rows would be refused
        yield control_plane


COMMANDS = {
    "organizations": ["organization", "list"],
    "allowed names": ["organization", "allowed-names"],
    "regions": ["region", "list"],
    "users": ["user", "list"],
    "tokens": ["token", "list"],
    "tokens of a user": ["token", "list", "--user", "ann" + HOSTILE],
    "API keys": ["api-key", "list"],
    "credentials": ["credential", "list", "bot" + HOSTILE],
    "fleet": ["fleet"],
    "fleet of an agent": ["fleet", "bot" + HOSTILE],
    "events": ["agent", "events", "bot" + HOSTILE],
    "set status": ["set", "status", "keys" + HOSTILE],
}


@pytest.mark.parametrize("what", COMMANDS)
def test_no_command_prints_a_hidden_character_of_the_database(planted, what):
    table = planted.run(*COMMANDS[what])
    shows(table.stdout + table.stderr)
    assert "\\x1b[2J\\xc2\\x9b31m" in table.stdout  # it is there, to be read


@pytest.mark.parametrize("what", COMMANDS)
def test_json_output_says_the_same_with_escapes(planted, what):
    printed = planted.run(*COMMANDS[what], "--json").stdout
    shows(printed)
    assert any(text.endswith(HOSTILE) for text in texts(json.loads(printed)))


@pytest.mark.parametrize("words", [
    ["set", "wait", "keys" + HOSTILE, "--timeout", "0"],
    ["token", "revoke", "of-ann" + HOSTILE, "--user", "ann" + HOSTILE],
    ["member", "remove", "ann" + HOSTILE],
    ["credential", "revoke", "bot" + HOSTILE, "ak_none" + HOSTILE],
    ["credential", "issue", "nobody" + HOSTILE],
    ["fleet", "bot" + HOSTILE, "--forget", "instance-1" + HOSTILE],
    ["api-key", "revoke", "none" + HOSTILE],
    ["organization", "allow-name", "LD_" + HOSTILE],
    ["region", "add", "r" + HOSTILE],
    ["no-command" + HOSTILE],
])
def test_no_command_repeats_a_hidden_character_of_its_arguments(planted, words):
    ended = planted.run(*words, check=False)
    shows(ended.stdout + ended.stderr)


@pytest.mark.parametrize("words", [
    ["--credential-file", "/none" + HOSTILE, "--", "true"],
    ["--env-file", "/none" + HOSTILE, "--", "true"],
    ["check", "--env-file", "/none" + HOSTILE],
    ["env", "--env-file", "/none" + HOSTILE],
    ["--no-option" + HOSTILE],
    ["keygen", "/none/" + HOSTILE],
    ["watch-credential", "--credential-file", "/none" + HOSTILE],
])
def test_the_injector_repeats_no_hidden_character(words):
    ended = subprocess.run([programs.injector_program(), *words], env=programs.clean_environment(),
                           capture_output=True, text=True, timeout=30)
    assert ended.returncode != 0
    shows(ended.stdout + ended.stderr)


def test_the_injectors_listing_shows_no_hidden_character_of_the_image(tmp_path):
    (tmp_path / "env-file").write_text("A=1\n")
    for words in (["env"], ["env", "--json"], ["check"], ["check", "--json"]):
        ended = subprocess.run(
            [programs.injector_program(), *words, "--env-file", tmp_path / "env-file"],
            env=programs.clean_environment(**{"NAME" + HOSTILE: "v"}), capture_output=True, text=True, timeout=30)
        shows(ended.stdout.replace("\t", " ") + ended.stderr)


@pytest.mark.parametrize("words", [
    ["status", "--state-dir", "/none" + HOSTILE],
    ["wait-change", "--state-dir", "/none" + HOSTILE],
    ["run", "--credential-file", "/none" + HOSTILE],
    ["run", "--no-option" + HOSTILE],
])
def test_the_sidecar_repeats_no_hidden_character(words):
    ended = subprocess.run([programs.sidecar_program(), *words], env=programs.clean_environment(),
                           capture_output=True, text=True, timeout=30)
    assert ended.returncode != 0
    shows(ended.stdout + ended.stderr)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("input") / "control-plane") as control_plane:
        yield control_plane


@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda character: f"U+{ord(character):04X}")
def test_no_hidden_character_comes_in_as_a_name(running, hidden):
    rest = running.rest()
    text = f"a{hidden}b"
    refused = [
        rest.put_secrets(urllib.parse.quote(text), A="1"),
        rest.put_secrets("keys", **{text: "1"}),
        rest.org("PUT", "secrets/pull", {"isImagePullSecret": True, "host": text, "secretValue": "dQ=="}),
        rest.deploy("bot", image=text),
        rest.deploy(text),
        rest.deploy("bot", agentProfile=text),
        rest.deploy("bot", resources={"cpu": text}),
        rest.deploy("bot", region=text),
        rest.deploy("bot", secretSet=text),
        rest.org("POST", "apiKeys", {"name": text}),
        rest.org("PATCH", "properties", {"defaultRegion": text}),
    ]
    for answer in refused:
        assert 400 <= answer.status < 500, answer
        shows(answer.text)
    if hidden == "\x00":
        return  # no argument can hold it
    for words in (["token", "create", text], ["user", "add", text], ["user", "add", "u", "--email", f"{text}@c"],
                  ["api-key", "create", text, "--type", "private"], ["organization", "add", text],
                  ["organization", "add", "o", "--display-name", text], ["region", "add", text],
                  ["region", "add", "r", "--display-name", text]):
        ended = running.run(*words, check=False)
        assert ended.returncode == 1, words
        shows(ended.stdout + ended.stderr)
