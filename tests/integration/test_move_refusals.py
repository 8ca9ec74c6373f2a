"""Moves that `move` refuses, with an error and a hint. A refused move changes neither place."""

import contextlib
import sqlite3
import subprocess

import pytest

from support import programs
from support.control_plane import ControlPlane
from support.move import assert_refused, holds_no_catalog, move, move_command, run, use
from support.postgresql import drop_database, new_database, run_sql


@pytest.fixture
def small(tmp_path):
    """A control plane on a data directory that does not run."""
    control_plane = ControlPlane(tmp_path / "small")
    assert control_plane.data_dir
    control_plane.init()
    return control_plane


def test_a_source_that_is_served_is_refused(small, database, tmp_path):
    small.start()
    try:
        assert_refused(move(small.data_dir, database, small.master_key_file), "is served by another process")
    finally:
        small.stop()
    assert move(small.data_dir, database, small.master_key_file).returncode == 0
    use(small, database)
    small.start()
    back = tmp_path / "back"
    assert_refused(move(database, back, small.master_key_file), "is served by", "stop every server")
    assert not back.exists()
    small.stop()
    assert run_sql(database, 'SELECT value FROM "agent-secrets-catalog".settings WHERE name = \'server_timeline\'').strip()
    assert move(database, back, small.master_key_file).returncode == 0
    # The timeline of one server must not be taken for a failover of the next one.
    with contextlib.closing(sqlite3.connect(back / "catalog.db")) as catalog:
        assert catalog.execute("SELECT value FROM settings WHERE name = 'server_timeline'").fetchall() == []


def test_a_region_node_refuses_a_directory_that_was_moved(small, database, tmp_path):
    keys = tmp_path / "west.keys"
    assert run(small.data_dir, small.master_key_file, "region", "export-keys", "us-west", keys).returncode == 0
    assert move(small.data_dir, database, small.master_key_file).returncode == 0
    words = ("serve", "--only-region", "us-west", "--region-keys", keys, "--data-dir", small.data_dir,
             "--listen", "127.0.0.1:0")
    assert_refused(subprocess.run(
        [str(word) for word in (programs.control_plane_program(), *words)], env=programs.clean_environment(),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60), "was moved to postgresql://")


def test_init_fails_when_the_database_of_its_region_cannot_be_reached(tmp_path):
    refused = run(tmp_path / "data", tmp_path / "master.key", "init", "--organization", "acme", "--region-database",
                  f"us-west=postgresql://me@/none?host={tmp_path / 'nowhere'}", "--env-file", tmp_path / "settings.env")
    assert refused.returncode == 1 and "us-west" in refused.stderr, refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_has_a_catalog_is_refused(small, database, tmp_path):
    other = ControlPlane(tmp_path / "other", database=database)
    other.init()
    assert_refused(move(small.data_dir, database, small.master_key_file), "already holds a catalog")
    assert_refused(move(database, small.data_dir, other.master_key_file), "already holds a catalog")
    assert run(small.data_dir, small.master_key_file, "region", "list").returncode == 0
    assert run(database, other.master_key_file, "region", "list").returncode == 0


def test_a_source_that_was_moved_before_is_refused(small, database, tmp_path):
    other = new_database()
    try:
        assert move(small.data_dir, database, small.master_key_file).returncode == 0
        assert_refused(move(small.data_dir, other, small.master_key_file), "was moved to postgresql://")
        assert holds_no_catalog(other, small.master_key_file)
    finally:
        drop_database(other)
    assert_refused(run(small.data_dir, small.master_key_file, "serve", "--listen", "127.0.0.1:0"),
                   "was moved to postgresql://", "Move to PostgreSQL, and back")
    with sqlite3.connect(small.data_dir / "catalog.db") as connection:  # as docs/OPERATIONS.md describes
        connection.execute("DELETE FROM settings WHERE name = 'moved_to'")
    assert run(small.data_dir, small.master_key_file, "region", "list").returncode == 0


@pytest.mark.parametrize("change, says", [(-1, "an older version"), (+1, "a newer version")])
def test_a_schema_of_another_version_is_refused(small, database, change, says):
    with sqlite3.connect(small.data_dir / "catalog.db") as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute(f"PRAGMA user_version = {version + change}")
    assert_refused(move(small.data_dir, database, small.master_key_file), "catalog.db: written by " + says)


def test_another_master_key_is_refused(small, database, tmp_path):
    other = tmp_path / "other.key"
    other.write_text(43 * "A" + "\n")
    other.chmod(0o600)
    assert_refused(move(small.data_dir, database, other), "the master key does not open key")
    assert run_sql(database, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'agent-secrets-%'") == ""
    assert move(small.data_dir, database, small.master_key_file).returncode == 0


def test_a_region_whose_store_is_lost_is_refused(small, database):
    (small.data_dir / "region-us-west.db").unlink()
    assert_refused(move(small.data_dir, database, small.master_key_file), "region-us-west.db is not there")


def test_a_target_of_the_same_kind_or_no_target_is_refused(small, tmp_path):
    assert_refused(move(small.data_dir, tmp_path / "other", small.master_key_file), "to a database")
    words = move_command(small.data_dir, tmp_path, small.master_key_file)
    without = [word for word in words if word not in ("--to-data-dir", str(tmp_path))]
    finished = subprocess.run(without, env=programs.clean_environment(), capture_output=True, text=True, timeout=20,
                              stdin=subprocess.DEVNULL)
    assert finished.returncode == 2 and "--to-data-dir or --to" in finished.stderr


def test_a_password_in_the_url_of_the_target_is_refused(small, database):
    url = database.replace("postgresql://", "postgresql://me:a-password-nobody-may-see@").replace("@agent_secrets@", "@")
    refused = move(small.data_dir, url, small.master_key_file)
    assert_refused(refused, "has a password in it", "AGENT_SECRETS_MOVE_TO")
    assert "a-password" not in refused.stderr


def test_the_url_of_the_target_is_read_from_the_environment(small, database):
    words = move_command(small.data_dir, "x", small.master_key_file)
    words = [word for word in words if word not in ("--to-data-dir", "x")]
    finished = subprocess.run(words, env=programs.clean_environment(AGENT_SECRETS_MOVE_TO=database),
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert finished.returncode == 0, finished.stderr
