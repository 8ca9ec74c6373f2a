"""Somebody can write both databases of a control plane, and has no master key. The table ATTACKS has what they try, on
SQLite and on PostgreSQL: no value is obtained, and each changed row is refused, counted and logged. The server runs,
and is restarted, under every attack.

The attacker holds the credential of the agent `mine`, a revoked credential of the agent `bot`, a token of the
organization `evil`, and is a member of `acme` with the role viewer. The value is in the set `prod`, which is protected
and which only `bot` has."""

import contextlib
import hashlib
import re
import sqlite3
from collections.abc import Callable
from typing import NamedTuple

import pytest

from support import postgresql, protocol
from support.control_plane import ControlPlane, ControlPlaneFailed
from support.instance import injected_environment, run_injector
from support.rest import Rest
from support.wait import wait_for

CANARY = "canary-5b1f0d7a9e"
FORGED = "pcc_pat_forged"


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
        control_plane.run("credential", "revoke", "bot", kid_of(self.revoked))
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

    def refused_rows(self):
        """The sum over all databases."""
        text = self.rest.request("GET", "/metrics").text
        counts = re.findall(r"^agent_secrets_refused_rows_total{.*} (\S+)$", text, re.MULTILINE)
        return sum(map(float, counts))

    def check_refusal(self, table):
        wait_for(lambda: table in self.refused_tables(), what=f"a log line of a refused row of {table}")
        wait_for(lambda: self.refused_rows() > 0, what="the metric")
        assert CANARY not in self.control_plane.log_path.read_text()

    def check_that_no_server_starts(self, reason):
        self.control_plane.stop()
        with pytest.raises(ControlPlaneFailed, match=reason):
            self.control_plane.start()


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


def kid_of(credential):
    return credential.identity["kid"]


def _register(scene):
    return f"UPDATE credentials SET agent_id = {BOT} WHERE kid = '{kid_of(scene.mine)}'"


def _revoked(column):
    return lambda scene: f"UPDATE credentials SET {column} WHERE kid = '{kid_of(scene.revoked)}'"


def _add_token(scene):
    digest = scene.blob(hashlib.sha256(FORGED.encode()).digest())
    return ("INSERT INTO tokens (organization_id, name, role, sha256, created_at, code)"
            f" SELECT 1, 'forged', 'admin', {digest}, 0, code FROM tokens WHERE name = 'own'")


def _answers(status, token, organization="acme"):
    """The attacker, with one of the own tokens, binds the protected set to the own agent."""
    def attempt(scene):
        caller = Rest(scene.control_plane.url, token(scene), organization)
        bind = caller.redeploy if organization == "acme" else caller.deploy
        assert bind("mine" if organization == "acme" else "spy", secretSet="prod").status == status
    return attempt


def _no_new_credential(scene):
    issued = scene.control_plane.run("credential", "issue", "mine", "--organization", "acme", check=False)
    assert issued.returncode != 0 and "changed outside the control plane" in issued.stderr


def _no_write(scene):
    assert scene.rest.put_secrets("dev", VALUE="new").status == 500


def _no_start(scene):
    assert protocol.fetch_bundle(protocol.Credential.parse(scene.bot_text)).status == 503


def _nothing(_scene):
    """The credentials of the attacker are tried after every attack."""


def _mallory(scene):
    return scene.mallory


def _member_mallory(scene):
    """Mallory becomes a member, by an admin, and still may not bind a protected set."""
    scene.control_plane.run("member", "add", "mallory", "--role", "member", "--organization", "acme")


class Attack(NamedTuple):
    name: str
    database: str  # "catalog" or "region"
    statements: tuple  # SQL, or a function of the scene that makes it
    refused: str  # the table of the row that is refused
    attempt: Callable = _nothing  # what the attacker does then
    before: Callable = _nothing


ATTACKS = (
    Attack("register a credential for the bot", "catalog", (_register,), "credentials"),
    Attack("register a credential for the bot", "region", (_register,), "credentials"),
    Attack("take a revocation back", "catalog", (_revoked("revoked_at = NULL"),), "credentials"),
    Attack("take a revocation back", "region", (_revoked("revoked = 0"),), "credentials"),
    Attack("change a pin", "catalog",
           ("UPDATE deployment_pins SET set_id = (SELECT id FROM sets WHERE name = 'prod') WHERE set_name = 'dev'",),
           "deployments"),
    Attack("change a pin", "region",
           ("UPDATE agent_sets SET set_id = (SELECT set_id FROM agent_sets WHERE name = 'prod') WHERE name = 'dev'",),
           "agents"),
    Attack("raise a role", "catalog", ("UPDATE memberships SET role = 'admin'",), "memberships",
           _answers(403, _mallory)),
    Attack("add a token", "catalog", (_add_token,), "tokens", _answers(401, lambda _: FORGED)),
    Attack("move a token to another organization", "catalog",
           ("UPDATE tokens SET organization_id = 1, role = 'admin' WHERE name = 'own'",), "tokens",
           _answers(401, lambda scene: scene.evil)),
    Attack("exchange the rows of two agents", "catalog",
           ("UPDATE agents SET name = 'neither' WHERE name = 'bot'",
            "UPDATE agents SET name = 'bot' WHERE name = 'mine'",
            "UPDATE agents SET name = 'mine' WHERE name = 'neither'"), "agents", _no_new_credential),
    Attack("exchange the rows of two agents", "region",
           (f"UPDATE credentials SET agent_id = {BOT} + {MINE} - agent_id",
            f"UPDATE agent_sets SET agent_id = {BOT} + {MINE} - agent_id"), "credentials"),
    Attack("take the protection of a set away", "catalog", ("UPDATE sets SET protected_by = NULL",), "sets",
           _answers(500, _mallory), before=_member_mallory),
    Attack("move a set to another organization", "catalog",
           ("UPDATE sets SET organization_id = 2, protected_by = NULL WHERE name = 'prod'",), "sets",
           _answers(500, lambda scene: scene.evil, "evil")),
    Attack("edit the snapshot of an agent", "region",
           (f"UPDATE agents SET deployment_id = 'x', sequence = sequence + 5 WHERE id = {BOT}",), "agents", _no_start),
    Attack("change the state of a key", "catalog",
           ("UPDATE keys SET state = 'retired' WHERE purpose = 'catalog'",), "keys", _no_write),
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.name}, in the {attack.database}")
def test_no_value_is_obtained_and_the_row_is_refused_counted_and_logged(scene, attack):
    attack.before(scene)
    change = scene.catalog if attack.database == "catalog" else scene.region
    change(*(each(scene) if callable(each) else each for each in attack.statements))
    attack.attempt(scene)
    scene.check_nothing_is_obtained()
    scene.check_refusal(attack.refused)
    if attack.refused == "keys":
        return scene.check_that_no_server_starts("table keys")
    scene.control_plane.restart()
    scene.check_nothing_is_obtained()


def test_the_snapshot_that_somebody_has_edited_is_repaired(scene, tmp_path):
    scene.region(f"UPDATE agents SET deployment_id = 'x', sequence = sequence + 5 WHERE id = {BOT}")
    options = ("--state-dir", tmp_path / "state", "--timeout", "2s")
    refused = run_injector(scene.bot_text, "/usr/bin/env", options=options)
    assert refused.returncode != 0 and CANARY not in refused.stdout
    scene.control_plane.restart()
    bot = protocol.Credential.parse(scene.bot_text)
    wait_for(lambda: protocol.fetch_bundle(bot).status == 200, what="the region to be written again")
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
