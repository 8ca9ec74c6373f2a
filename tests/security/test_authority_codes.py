"""Somebody can write both databases of a control plane, and has no master key. No change gives them a value: each
changed row is refused and logged. The server runs, and is restarted, under every attack.

The attacker holds the credential of the agent `mine`, a revoked credential of the agent `bot`, a token of the
organization `evil`, and is a member of `acme` with the role viewer. The value is in the set `prod`, which is protected
and which only `bot` has."""

import contextlib
import hashlib
import sqlite3

import pytest

from support import postgresql, protocol
from support.control_plane import ControlPlane
from support.instance import injected_environment, run_injector
from support.rest import Rest
from support.wait import wait_for

CANARY = "canary-5b1f0d7a9e"


class Scene:
    def __init__(self, control_plane):
        self.control_plane = control_plane
        self.rest = control_plane.rest()
        for name, value in (("prod", CANARY), ("dev", "for-mine")):
            assert self.rest.put_secrets(name, VALUE=value).status == 202
            control_plane.wait_ready(name)
        control_plane.run("set", "protect", "prod")
        for agent, secret_set in (("bot", "prod"), ("mine", "dev")):
            assert self.rest.deploy(agent, secretSet=secret_set).status == 200
        self.bot_text = control_plane.issue_credential("bot")
        self.mine = protocol.Credential.parse(control_plane.issue_credential("mine"))
        self.revoked = protocol.Credential.parse(control_plane.issue_credential("bot"))
        wait_for(lambda: protocol.fetch_bundle(self.revoked).status == 200, what="the credential")
        control_plane.run("credential", "revoke", "bot", self.revoked.identity["kid"])
        wait_for(lambda: protocol.fetch_bundle(self.revoked).status == 403, what="the revocation")
        wait_for(lambda: protocol.fetch_bundle(self.mine).status == 200, what="the credential")
        control_plane.run("organization", "add", "evil")
        self.evil = control_plane.run("token", "create", "own", "--organization", "evil").stdout.strip()
        control_plane.run("user", "add", "mallory")
        control_plane.run("member", "add", "mallory", "--role", "viewer", "--organization", "acme")
        self.mallory = control_plane.run("token", "create", "laptop", "--user", "mallory").stdout.strip()

    # What the attacker does

    def _sql(self, part, *statements):
        if self.control_plane.database:
            path = f'SET search_path = "agent-secrets-{part}"; SET session_replication_role = replica;'
            postgresql.run_sql(self.control_plane.database, *(f"{path} {statement}" for statement in statements))
            return
        file = self.control_plane.data_dir / f"{part}.db"
        with contextlib.closing(sqlite3.connect(file, timeout=30)) as connection, connection:
            for statement in statements:
                assert connection.execute(statement).rowcount > 0, statement

    def catalog(self, *statements):
        # Every agent is published again, so that the change would reach the region.
        self._sql("catalog", *statements, "UPDATE agents SET revision = revision + 1")

    def region(self, *statements):
        self._sql("region-us-west", *statements)

    def blob(self, data):
        return f"'\\x{data.hex()}'::bytea" if self.control_plane.database else f"x'{data.hex()}'"

    def as_actor(self, token):
        return Rest(self.control_plane.url, token, "acme")

    # What must hold

    def check_nothing_is_obtained(self, *credentials):
        for credential in (self.mine, self.revoked, *credentials):
            answer = protocol.fetch_bundle(credential)
            if answer.status == 200:
                assert protocol.open_bundle(credential, answer.body.decode()) == {b"VALUE": b"for-mine"}
            else:
                assert answer.status in (401, 403, 404, 409, 503), answer
            assert CANARY.encode() not in answer.body

    def refused_tables(self):
        message = "a row was changed outside the control plane, and is refused"
        return {line["table"] for line in self.control_plane.log_lines() if line["message"] == message}

    def check(self, table):
        """Nothing is obtained, before and after a restart, and a row of the table is refused and logged."""
        self.check_nothing_is_obtained()
        self.control_plane.restart()
        self.check_nothing_is_obtained()
        wait_for(lambda: table in self.refused_tables(), what=f"a log line of a refused row of {table}")
        assert CANARY not in self.control_plane.log_path.read_text()


@pytest.fixture(params=["sqlite", "postgresql"])
def scene(request, tmp_path):
    database = postgresql.new_database() if request.param == "postgresql" else None
    try:
        with ControlPlane(tmp_path / "control-plane", database=database) as control_plane:
            yield Scene(control_plane)
    finally:
        if database:
            postgresql.drop_database(database)


BOT = "(SELECT id FROM agents WHERE name = 'bot')"
MINE = "(SELECT id FROM agents WHERE name = 'mine')"


def test_without_an_attack_the_bot_gets_its_value(scene, tmp_path):
    assert injected_environment(scene.bot_text, tmp_path)["VALUE"] == CANARY.encode()
    scene.check_nothing_is_obtained()
    assert scene.refused_tables() == set()
    assert "valid code" in scene.control_plane.run("authority", "check").stdout


@pytest.mark.parametrize("where", ["catalog", "region"])
def test_a_registered_credential_obtains_nothing(scene, where):
    kid = scene.mine.identity["kid"]
    getattr(scene, where)(f"UPDATE credentials SET agent_id = {BOT} WHERE kid = '{kid}'")
    scene.check("credentials")


@pytest.mark.parametrize("where", ["catalog", "region"])
def test_a_removed_revocation_obtains_nothing(scene, where):
    change = "revoked_at = NULL" if where == "catalog" else "revoked = 0"
    getattr(scene, where)(f"UPDATE credentials SET {change} WHERE kid = '{scene.revoked.identity['kid']}'")
    scene.check("credentials")


@pytest.mark.parametrize("where", ["catalog", "region"])
def test_a_changed_pin_obtains_nothing(scene, where):
    if where == "catalog":
        scene.catalog("UPDATE deployment_pins SET set_id = (SELECT id FROM sets WHERE name = 'prod')"
                      " WHERE set_name = 'dev'")
        return scene.check("deployments")
    scene.region("UPDATE agent_sets SET set_id = (SELECT set_id FROM agent_sets WHERE name = 'prod') WHERE name = 'dev'")
    scene.check("agents")


def test_a_raised_role_gives_no_right(scene):
    attacker = scene.as_actor(scene.mallory)
    assert attacker.org("GET", "secrets").status == 200
    scene.catalog("UPDATE memberships SET role = 'admin'")
    assert attacker.redeploy("mine", secretSet="prod").status == 403
    scene.check("memberships")


def test_an_added_token_gives_no_right(scene):
    digest = scene.blob(hashlib.sha256(b"pcc_pat_forged").digest())
    scene.catalog("INSERT INTO tokens (organization_id, name, role, sha256, created_at, code)"
                  f" SELECT 1, 'forged', 'admin', {digest}, 0, code FROM tokens WHERE name = 'own'")
    assert scene.as_actor("pcc_pat_forged").redeploy("mine", secretSet="prod").status == 401
    scene.check("tokens")


def test_a_token_that_is_moved_to_another_organization_gives_no_right(scene):
    scene.catalog("UPDATE tokens SET organization_id = 1, role = 'admin' WHERE name = 'own'")
    assert scene.as_actor(scene.evil).redeploy("mine", secretSet="prod").status == 401
    scene.check("tokens")


@pytest.mark.parametrize("where", ["catalog", "region"])
def test_exchanged_agents_obtain_nothing(scene, where):
    if where == "catalog":
        scene.catalog("UPDATE agents SET name = 'neither' WHERE name = 'bot'",
                      "UPDATE agents SET name = 'bot' WHERE name = 'mine'",
                      "UPDATE agents SET name = 'mine' WHERE name = 'neither'")
        issued = scene.control_plane.run("credential", "issue", "mine", check=False)
        assert issued.returncode != 0 and "changed outside the control plane" in issued.stderr
    else:
        scene.region(f"UPDATE credentials SET agent_id = {BOT} + {MINE} - agent_id",
                     f"UPDATE agent_sets SET agent_id = {BOT} + {MINE} - agent_id")
    scene.check("agents" if where == "catalog" else "credentials")


def test_removed_protection_gives_no_right(scene):
    scene.control_plane.run("member", "add", "mallory", "--role", "member", "--organization", "acme")
    attacker = scene.as_actor(scene.mallory)
    assert attacker.redeploy("mine", secretSet="prod").status == 403
    scene.catalog("UPDATE sets SET protected_by = NULL")
    assert attacker.redeploy("mine", secretSet="prod").status == 500
    scene.check("sets")


def test_a_set_that_is_moved_to_another_organization_obtains_nothing(scene):
    scene.catalog("UPDATE sets SET organization_id = 2, protected_by = NULL WHERE name = 'prod'")
    evil = Rest(scene.control_plane.url, scene.evil, "evil")
    assert evil.deploy("spy", secretSet="prod").status == 500
    scene.check("sets")


def test_the_changed_snapshot_of_a_region_obtains_nothing_and_is_repaired(scene, tmp_path):
    scene.region(f"UPDATE agents SET deployment_id = 'x', sequence = sequence + 5 WHERE id = {BOT}")
    refused = run_injector(scene.bot_text, "/usr/bin/env", options=("--state-dir", tmp_path / "state", "--timeout", "2s"))
    assert refused.returncode != 0 and CANARY not in refused.stdout
    scene.check("agents")

    def started():
        return protocol.fetch_bundle(protocol.Credential.parse(scene.bot_text)).status == 200

    wait_for(started, what="the region to be written again")
    assert injected_environment(scene.bot_text, tmp_path)["VALUE"] == CANARY.encode()


def test_a_catalog_without_its_codes_is_not_served(scene):
    """As an attacker would make it look who wants the rows to be coded as they are."""
    scene.catalog("UPDATE organizations SET code = NULL", "DELETE FROM keys WHERE purpose LIKE 'authority%'")
    scene.control_plane.stop()
    refused = scene.control_plane.run("token", "list", "--organization", "acme", check=False)
    assert refused.returncode != 0 and "no row has an authority code" in refused.stderr


def test_refused_rows_are_listed_until_they_are_adopted(scene):
    scene.catalog("UPDATE tokens SET name = 'renamed' WHERE name = 'own'")
    listed = scene.control_plane.run("authority", "check", check=False)
    assert listed.returncode == 1 and "tokens" in listed.stdout
    assert scene.as_actor(scene.evil).org("GET", "secrets").status == 401
    scene.control_plane.run("authority", "adopt")
    scene.control_plane.run("authority", "check")
    assert Rest(scene.control_plane.url, scene.evil, "evil").org("GET", "secrets").status == 200
