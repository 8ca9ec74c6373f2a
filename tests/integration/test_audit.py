"""The audit log of a real control plane: what commands and requests leave in it, and that `audit verify` finds whatever
an attacker with write access to the database has done. On a data directory and on PostgreSQL."""

import contextlib
import hashlib
import json
import sqlite3

import pytest

from support import postgresql, protocol
from support.control_plane import ControlPlane
from support.rest import Rest
from support.wait import wait_for


@pytest.fixture(params=["a data directory", "PostgreSQL"])
def control_plane(request, tmp_path):
    database = postgresql.new_database() if request.param == "PostgreSQL" else None
    try:
        with ControlPlane(tmp_path / "plane", database=database) as running:
            yield running
    finally:
        if database:
            postgresql.drop_database(database)


def tail(control_plane, *options):
    lines = control_plane.run("audit", "tail", "--json", "--count", "1000", *options).stdout.splitlines()
    return [json.loads(line) for line in lines]


def edit(control_plane, sql, store="catalog"):
    """Behind the program's back; the server is stopped."""
    if control_plane.database:
        postgresql.run_sql(control_plane.database, f'SET search_path = "agent-secrets-{store}"; {sql}')
        return
    with contextlib.closing(sqlite3.connect(control_plane.data_dir / f"{store}.db")) as database:
        database.executescript(sql)


def give_a_bundle(control_plane, agent="bot"):
    rest = control_plane.rest()
    rest.put_secrets("bot-secrets", KEY="canary-value")
    control_plane.wait_ready("bot-secrets")
    assert rest.deploy(agent, secretSet="bot-secrets").status == 200
    credential = protocol.Credential.parse(control_plane.issue_credential(agent))
    wait_for(lambda: protocol.fetch_bundle(credential).status == 200, what="the credential in its region")
    return credential


def verify(control_plane, *options):
    return control_plane.run("audit", "verify", *options, check=False)


def keep_checkpoints(control_plane, path):
    control_plane.stop()  # signs what is new
    path.write_text(control_plane.run("audit", "checkpoint").stdout)
    return path


def netstring(field):
    data = field if isinstance(field, bytes) else str(field).encode()
    return str(len(data)).encode() + b":" + data + b","


def hash_of(record):
    """As docs/audit.md says."""
    actor = record["actor"]
    fields = ("agent-secrets-audit-1", record["position"], bytes.fromhex(record["prev"]), record["id"],
              record["time_ms"], actor["kind"], actor["id"], actor["name"], record["address"],
              record["organization_id"], record["organization"], record["action"], record["object"],
              record["detail"], record["outcome"])
    return hashlib.sha256(b"".join(map(netstring, fields))).hexdigest()


def test_commands_and_requests_are_recorded_with_their_actors(control_plane):
    control_plane.run("user", "add", "ana")
    control_plane.rest().put_secrets("bot-secrets", KEY="canary-value")
    records = tail(control_plane)
    actions = [record["action"] for record in records]
    assert actions[:4] == ["region.add", "organization.create", "public-url.set", "credential.ca"]
    assert "token.create" in actions and "user.create" in actions
    by_host = next(record for record in records if record["action"] == "user.create")
    assert by_host["actor"]["kind"] == "host" and by_host["actor"]["id"].isdigit() and by_host["address"] == ""
    written = records[-1]
    assert written["action"] == "set.write" and written["object"] == "set bot-secrets"
    assert written["detail"] == "version 1, keys KEY"
    assert written["actor"]["kind"] == "token" and written["address"] == "127.0.0.1"
    assert "canary" not in json.dumps(records)


def test_a_command_that_hands_out_keys_is_recorded(control_plane, tmp_path):
    control_plane.run("region", "export-keys", "us-west", str(tmp_path / "keys"))
    assert tail(control_plane)[-1]["action"] == "region.export-keys"


def test_bundles_are_recorded_in_their_region(control_plane):
    credential = give_a_bundle(control_plane)
    record = tail(control_plane, "--region", "us-west")[-1]
    assert record["action"] == "bundle.get" and record["outcome"] == "done"
    assert record["actor"] == {"kind": "credential", "id": credential.identity["kid"], "name": "bot"}
    assert record["organization"] == "acme" and "sequence 1" in record["detail"]
    shown = control_plane.rest().org("GET", "audit?region=us-west").body["records"]
    assert shown[0]["id"] == record["id"]


def test_refused_requests_are_counted_by_address(control_plane):
    for _ in range(3):
        assert Rest(control_plane.url, "pcc_pat_wrong", "acme").org("GET", "secrets").status == 401
    control_plane.stop()
    [refused] = [record for record in tail(control_plane) if record["action"] == "request.refuse"]
    assert refused["address"] == "127.0.0.1" and refused["detail"] == "unauthorized 3, forbidden 0"


def test_an_admin_reads_the_own_organization_alone(control_plane):
    control_plane.run("organization", "add", "other")
    token = control_plane.run("token", "create", "boss", "--role", "admin", "--organization", "other").stdout.strip()
    records = Rest(control_plane.url, token, "other").org("GET", "audit").body["records"]
    assert {record["organization"] for record in records} == {"other"}
    assert [record["action"] for record in records] == ["token.create", "organization.create"]


def test_hashes_are_those_of_the_documented_encoding(control_plane):
    give_a_bundle(control_plane)
    control_plane.stop()
    for options in ((), ("--region", "us-west")):
        prev = "00" * 32
        for record in tail(control_plane, *options):
            assert record["prev"] == prev and record["hash"] == hash_of(record)
            prev = record["hash"]


def test_a_server_chains_and_signs_and_the_logs_are_whole(control_plane, tmp_path):
    give_a_bundle(control_plane)
    shown = wait_for(lambda: (answer := control_plane.rest().org("GET", "audit/checkpoint")).status == 200 and answer,
                     what="the first checkpoint").body
    assert shown["log"] == "catalog" and shown["position"] > 0
    kept = keep_checkpoints(control_plane, tmp_path / "kept")
    assert len(kept.read_text().splitlines()) == 2
    assert control_plane.logged("audit checkpoint")
    key = control_plane.run("audit", "checkpoint", "--key").stdout.strip()
    found = verify(control_plane, "--checkpoint", str(kept), "--public-key", key)
    assert found.returncode == 0, found.stderr
    assert "catalog: records 1 to" in found.stderr and "region us-west: records 1 to" in found.stderr


EDITED = "UPDATE audit SET actor_name = 'mallory' WHERE position = 2"
DELETED = "DELETE FROM audit WHERE position = 2"
TRUNCATED = "DELETE FROM audit WHERE position > 2; DELETE FROM audit_checkpoints"
REORDERED = ("UPDATE audit SET position = 1000 WHERE position = 2; UPDATE audit SET position = 2 WHERE position = 3;"
             "UPDATE audit SET position = 3 WHERE position = 1000")
COLUMNS = ("at, actor_kind, actor_id, actor_name, address, organization_id, organization, action, object, detail,"
           " outcome")
INSERTED = ("UPDATE audit SET position = position + 1000 WHERE position > 2;"
            "UPDATE audit SET position = position - 999 WHERE position > 1002;"
            f"INSERT INTO audit ({COLUMNS}, position, prev, hash) SELECT {COLUMNS}, 3, hash, hash FROM audit"
            " WHERE position = 2")
ADDED = f"INSERT INTO audit ({COLUMNS}) SELECT {COLUMNS} FROM audit WHERE position = 2"
COPIED = f"INSERT INTO audit ({COLUMNS}, code) SELECT {COLUMNS}, code FROM audit WHERE position = 2"
# As if there had never been a record 2: a server chains and signs the others again.
REHASHED = ("DELETE FROM audit WHERE position = 2;"
            "UPDATE audit SET position = NULL, prev = NULL, hash = NULL; DELETE FROM audit_checkpoints")


@pytest.mark.parametrize("attack", [EDITED, DELETED, TRUNCATED, REORDERED, INSERTED, ADDED, COPIED, REHASHED],
                         ids=["edited", "deleted", "truncated", "reordered", "inserted", "added", "copied",
                              "rehashed"])
def test_verify_finds_what_an_attacker_has_done(control_plane, tmp_path, attack):
    control_plane.run("user", "add", "ana")
    kept = keep_checkpoints(control_plane, tmp_path / "kept")
    assert verify(control_plane, "--checkpoint", str(kept)).returncode == 0
    edit(control_plane, attack)
    control_plane.start()
    control_plane.stop()
    found = verify(control_plane, "--checkpoint", str(kept))
    assert found.returncode == 1 and "NOT whole" in found.stderr, found.stderr


def test_a_record_that_somebody_adds_is_marked_and_logged(control_plane):
    control_plane.stop()
    edit(control_plane, ADDED)
    control_plane.start()
    message = "a row was changed outside the control plane, and is refused"
    wait_for(lambda: [line for line in control_plane.log_lines() if line["message"] == message and line["table"] == "audit"],
             what="the log line of the refused record")
    forged = [record for record in tail(control_plane) if not record["authentic"]]
    assert len(forged) == 1 and forged[0]["position"] == -forged[0]["id"]
    assert "NOT AUTHENTIC" in control_plane.run("audit", "tail").stdout
    assert "audit" in control_plane.run("authority", "check", check=False).stdout


def test_a_log_written_anew_looks_whole_without_a_kept_checkpoint(control_plane, tmp_path):
    keep_checkpoints(control_plane, tmp_path / "kept")
    edit(control_plane, REHASHED)
    control_plane.start()
    control_plane.stop()
    assert verify(control_plane).returncode == 0


def test_a_restored_log_is_whole_and_says_that_it_was_restored(control_plane, tmp_path):
    give_a_bundle(control_plane)
    control_plane.run("backup", "create", str(tmp_path / "backup"), timeout=60)
    assert tail(control_plane)[-1]["action"] == "backup.create"
    kept = keep_checkpoints(control_plane, tmp_path / "kept")
    restored = ControlPlane(tmp_path / "second", serve_options=["--public-url", control_plane.url])
    restored.directory.mkdir()
    restored.master_key_file = control_plane.master_key_file
    restored.run("restore", str(tmp_path / "backup"), timeout=60)
    restored.start()
    restored.stop()
    assert tail(restored)[-1]["action"] == "catalog.restore"
    assert verify(restored).returncode == 0
    # What was done after the backup is lost, and a kept checkpoint says so.
    found = verify(restored, "--checkpoint", str(kept))
    assert found.returncode == 1 and "another hash" in found.stderr


def test_a_cut_leaves_a_log_that_verifies(control_plane):
    control_plane.stop()
    edit(control_plane, "UPDATE audit SET at = at - 86400000 * 3; UPDATE audit SET position = NULL, prev = NULL,"
                        " hash = NULL; DELETE FROM audit_checkpoints")
    control_plane.run("authority", "adopt")  # the codes of the records have the time
    control_plane.start()
    control_plane.run("user", "add", "ana")
    control_plane.stop()
    cut = control_plane.run("audit", "cut", "--keep", "1d")
    assert "catalog: " in cut.stderr and "records removed" in cut.stderr
    control_plane.start()
    control_plane.stop()
    found = verify(control_plane)
    assert found.returncode == 0 and "catalog: records 1 to" not in found.stderr, found.stderr
    actions = [record["action"] for record in tail(control_plane)]
    assert "user.create" in actions and "audit.cut" in actions and "region.add" not in actions


def test_tail_shows_lines_for_people(control_plane):
    control_plane.run("user", "add", "ana")
    line = control_plane.run("audit", "tail", "--count", "1").stdout
    assert "user.create" in line and "user ana" in line and line.count("\n") == 1
