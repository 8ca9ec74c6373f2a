"""Later migrations of PostgreSQL take nothing away that an older server uses (docs/HACKING.md): they add to the schema,
or change how rows are stored and found."""

import re

import pytest

from support.programs import ROOT

MIGRATIONS = sorted(path for path in (ROOT / "control-plane").glob("*/migrations/postgres/*.sql")
                    if not path.name.startswith("0001_"))
ADDS = re.compile(
    r"CREATE TABLE |CREATE INDEX |CREATE (?:OR REPLACE )?VIEW |INSERT INTO |COMMENT ON "
    # The list of roles, which only grows.
    r"|ALTER TABLE \w+ (?:DROP|ADD) CONSTRAINT \w+_role_check\b"
    # How full PostgreSQL makes the pages of a table.
    r"|ALTER TABLE \w+ SET \(fillfactor = \d+\)$"
    # A column that an older server's INSERT may leave out.
    r"|ALTER TABLE \w+ ADD COLUMN \w+ (?!.*\bUNIQUE\b)(?:.*\bDEFAULT\b|(?!.*\bNOT NULL\b))", re.IGNORECASE)


def statements(text):
    plain = re.sub(r"--.*", "", text)
    return [" ".join(statement.split()) for statement in plain.split(";") if statement.strip()]


def earlier(path):
    """The text of all migrations before this one."""
    return "".join(other.read_text() for other in path.parent.glob("*.sql") if other.name < path.name)


def is_allowed(statement, before):
    """`before` has the earlier migrations. An index may go that only makes queries faster: a unique one is a rule."""
    if dropped := re.fullmatch(r"DROP INDEX (\w+)", statement):
        return f"CREATE INDEX {dropped[1]} ON" in before
    return bool(ADDS.match(statement))


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: f"{path.parts[-4]}/{path.name}")
def test_a_migration_takes_nothing_away(path):
    before = earlier(path)
    assert [statement for statement in statements(path.read_text()) if not is_allowed(statement, before)] == []


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
    ("ALTER TABLE agents SET (fillfactor = 70)", True),
    ("ALTER TABLE agents SET SCHEMA other", False),
    ("DROP INDEX agents_by_time", True),
    ("DROP INDEX agents_name", False),
    ("DROP INDEX agents_by_time CASCADE", False),
])
def test_statements_that_break_an_older_server_are_found(statement, allowed):
    before = "CREATE INDEX agents_by_time ON agents (time); CREATE UNIQUE INDEX agents_name ON agents (name);"
    assert is_allowed(statement, before) == allowed
