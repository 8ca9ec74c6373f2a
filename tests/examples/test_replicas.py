"""The other parts of the example examples/compose/replicas.yaml, with real programs: the commands in its first lines,
and database.sql."""

import re
import subprocess

import pytest
from support import programs
from support.postgresql import PostgresServer, run_sql, with_parts

COMPOSE = programs.ROOT / "examples" / "compose"


def header_commands():
    """The commands of the first lines that make files, without the commands that need root."""
    lines = re.findall(r"^#     (.*)$", (COMPOSE / "replicas.yaml").read_text(), re.MULTILINE)
    commands = "\n".join(line for line in lines if not line.startswith(("sudo", "docker")))
    assert "master.key" in commands and "pgpass" in commands
    return commands


@pytest.fixture
def files(tmp_path):
    made = tmp_path / "files"
    made.mkdir()
    subprocess.run(["bash", "-e", "-c", header_commands()], cwd=made, check=True, timeout=30)
    assert {path.stat().st_mode & 0o777 for path in made.iterdir()} == {0o600}
    return made


@pytest.fixture
def database(files):
    """The URL of the database that database.sql makes on a server, as the role that database.sql makes."""
    with PostgresServer() as server:
        # psql runs as the user of this test, not as the user of the server.
        sql = (COMPOSE / "database.sql").read_text()
        path = files / "database.sql"
        assert "/run/secrets/database-password" in sql
        path.write_text(sql.replace("/run/secrets/database-password", str(files / "database.password")))
        psql = subprocess.run(["psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--dbname", server.url, "--file", path],
                              env={"PATH": "/usr/bin:/bin", "PGPASSWORD": server.PASSWORD}, capture_output=True,
                              text=True, timeout=60)
        assert psql.returncode == 0, psql.stderr
        yield with_parts(server.url, database="secrets", user="secrets")


def test_init_works_with_the_files_and_the_database(files, database, tmp_path):
    environment = programs.clean_environment(PGPASSFILE=files / "pgpass", AGENT_SECRETS_DATABASE=database,
                                             AGENT_SECRETS_MASTER_KEY_FILE=files / "master.key")
    command = [programs.control_plane_program(), "init", "--organization=acme", f"--env-file={tmp_path / 'env'}"]
    made = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    password = (files / "database.password").read_text().strip()
    assert run_sql(database, "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = 'secrets'",
                   password=password) == "f\n"
