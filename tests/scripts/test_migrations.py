"""Later migrations of PostgreSQL only add to the schema, because older servers still use it (docs/HACKING.md)."""

import re

import pytest

from support.programs import ROOT

MIGRATIONS = sorted(path for path in (ROOT / "control-plane").glob("*/migrations/postgres/*.sql")
                    if not path.name.startswith("0001_"))
ADDS = re.compile(
    r"CREATE TABLE |CREATE INDEX |CREATE (?:OR REPLACE )?VIEW |INSERT INTO |COMMENT ON "
    # The list of roles, which only grows.
    r"|ALTER TABLE \w+ (?:DROP|ADD) CONSTRAINT \w+_role_check\b"
    # A column that an older server's INSERT may leave out.
    r"|ALTER TABLE \w+ ADD COLUMN \w+ (?!.*\bUNIQUE\b)(?:.*\bDEFAULT\b|(?!.*\bNOT NULL\b))", re.IGNORECASE)


def statements(text):
    plain = re.sub(r"--.*", "", text)
    return [" ".join(statement.split()) for statement in plain.split(";") if statement.strip()]


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: f"{path.parts[-4]}/{path.name}")
def test_a_migration_only_adds(path):
    assert [statement for statement in statements(path.read_text()) if not ADDS.match(statement)] == []


@pytest.mark.parametrize("statement, allowed", [
    ("ALTER TABLE agents ADD COLUMN changed bigint NOT NULL DEFAULT 0", True),
    ("ALTER TABLE agents ADD COLUMN note text", True),
    ("ALTER TABLE agents ADD COLUMN note text NOT NULL", False),
    ("ALTER TABLE agents DROP COLUMN note", False),
    ("ALTER TABLE agents RENAME COLUMN note TO remark", False),
    ("ALTER TABLE tokens DROP CONSTRAINT tokens_role_check", True),
    ("ALTER TABLE tokens DROP CONSTRAINT tokens_sha256_key", False),
    ("CREATE UNIQUE INDEX one ON agents (note)", False),
    ("UPDATE agents SET note = ''", False),
])
def test_statements_that_break_an_older_server_are_found(statement, allowed):
    assert bool(ADDS.match(statement)) == allowed
