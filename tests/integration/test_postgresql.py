"""The control plane on PostgreSQL, beside real servers: what a server or a URL that does not fit is answered, `init` by
several at once, and several `serve` on one database."""

import concurrent.futures
import contextlib
import dataclasses
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from support import programs
from support.control_plane import ControlPlane
from support.old_postgresql import OldPostgres
from support.postgresql import PostgresServer, run_sql, with_parts
from support.wait import wait_for

PASSWORD = "a-password-nobody-may-see"
MASTER_KEY = 43 * "A"


def run(url, *arguments, **environment):
    """A command on the database. Without a URL, the environment has it."""
    place = ("--database", url) if url else ()
    words = [programs.control_plane_program(), *(arguments or ("region", "list")), *place]
    return subprocess.run([str(word) for word in words],
                          env=programs.clean_environment(AGENT_SECRETS_MASTER_KEY=MASTER_KEY, **environment),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def init(url, directory, **environment):
    return run(url, "init", "--organization", "acme", "--env-file", directory / "env", **environment)


def assert_refused(finished, *says, code=1):
    """An error and a hint, which have the words and no password."""
    assert finished.returncode == code, finished.stderr
    assert finished.stderr.startswith("secret-control-plane: error: ") and "\nhint: " in finished.stderr
    for words in says:
        assert words in finished.stderr
    assert PASSWORD not in finished.stderr and PASSWORD not in finished.stdout


@dataclasses.dataclass(frozen=True)
class Place:
    """A role with a password, and its database."""
    server: PostgresServer
    url: str

    def role(self, name):
        return with_parts(self.url, user=name)


@pytest.fixture(scope="module")
def place():
    with PostgresServer(max_connections=12) as server:
        server.sql(f"CREATE ROLE me LOGIN PASSWORD '{PASSWORD}'", "CREATE DATABASE mine OWNER me",
                   f"CREATE ROLE other LOGIN PASSWORD '{PASSWORD}'", "GRANT CREATE ON DATABASE mine TO other")
        yield Place(server, with_parts(server.url, database="mine", user="me"))


@pytest.fixture
def short_path():
    """A directory whose path fits into the address of a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="agent-secrets.", dir="/tmp") as path:
        yield pathlib.Path(path)


# A URL or a server that does not fit


def test_a_wrong_password(place):
    assert_refused(run(place.url, PGPASSWORD="wrong"), "password authentication failed", "hint: check", "PGPASSFILE")


def test_no_password(place):
    assert_refused(run(place.url), "no password supplied", "hint: put the password into", "PGPASSFILE")


def test_a_password_on_the_command_line(place):
    for url in (place.role(f"me:{PASSWORD}"), f"{place.url}&password={PASSWORD}"):
        assert_refused(run(url), "has a password in it", "PGPASSFILE", "PGPASSWORD", "AGENT_SECRETS_DATABASE")


def test_a_password_in_a_file_or_in_the_environment(place, tmp_path):
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:mine:me:{PASSWORD}\n")
    file.chmod(0o600)
    for url, environment in (
        (place.url, {"PGPASSFILE": file}), (place.url, {"PGPASSWORD": PASSWORD}),
        (None, {"AGENT_SECRETS_DATABASE": place.role(f"me:{PASSWORD}")}),
    ):
        assert_refused(run(url, **environment), "/mine holds no catalog", "hint: create one with", "init")


def test_a_database_or_a_role_that_is_not_there(place):
    environment = {"PGPASSWORD": PASSWORD}
    nowhere = with_parts(place.url, database="nowhere")
    assert_refused(run(nowhere, **environment), 'database "nowhere" does not exist', "hint: create")
    nobody = place.role("nobody")  # the server says the same of a role without a password
    assert_refused(run(nobody, **environment), "password authentication failed", "hint: check the user")


def test_schemas_of_another_role(place, tmp_path):
    environment = {"PGPASSWORD": PASSWORD}
    (tmp_path / "first").mkdir()
    finished = init(place.role("other"), tmp_path / "first", **environment)
    assert finished.returncode == 0, finished.stderr
    assert_refused(run(place.url, **environment),
                   "the schema agent-secrets-catalog belongs to the role other", "hint: connect as other")
    assert_refused(init(place.url, tmp_path / "second", **environment), "belongs to the role other")
    run_sql(place.role("other"), 'DROP SCHEMA "agent-secrets-catalog" CASCADE',
            'DROP SCHEMA "agent-secrets-region-us-west" CASCADE', password=PASSWORD)


def test_a_role_that_may_not_make_schemas(place, tmp_path):
    place.server.sql(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
    finished = init(place.role("reader"), tmp_path / "made", PGPASSWORD=PASSWORD)
    assert_refused(finished, "permission denied for database mine", "GRANT CREATE ON DATABASE")
    assert not (tmp_path / "made").exists()


def test_a_standby():
    with PostgresServer() as server:
        server.become_standby()
        assert_refused(run(server.url, PGPASSWORD=server.PASSWORD), "read-only", "hint: this server is a standby")


def test_a_server_of_an_old_release(short_path):
    with OldPostgres(short_path) as url:
        assert_refused(run(url), "the server is PostgreSQL 14", "hint: use PostgreSQL 15 or later")


def test_a_server_that_is_not_there(short_path):
    refused = run(f"postgresql://me@/db?host={short_path}", "serve")
    assert_refused(refused, f"connect postgresql://{short_path}/db", "hint: is the server running?")
    port = programs.free_port()
    assert_refused(run(f"postgresql://me@127.0.0.1:{port}/db"), "Connection refused", "hint: is the server running?")


def test_no_certificate_authority_for_a_server_on_another_host(tmp_path):
    assert_refused(run("postgresql://me@db.example/db"), "no certificate authority for the server db.example",
                   "hint: add sslrootcert=FILE")
    for mode in ("require", "disable", "verify-ca"):
        assert_refused(run(f"postgresql://me@db.example/db?sslmode={mode}&sslrootcert={tmp_path}/ca.pem"),
                       f"sslmode={mode} does not verify the server db.example", "hint: use sslmode=verify-full")


def test_all_connections_of_the_server_are_in_use(place):
    with contextlib.ExitStack() as sleeping:
        def refused_after_one_more():
            process = sleeping.enter_context(subprocess.Popen(
                ["psql", "--no-psqlrc", "--dbname", place.url, "--command", "SELECT pg_sleep(60)"],
                env=programs.clean_environment(PGPASSWORD=PASSWORD), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            sleeping.callback(process.kill)
            return "connection" in run(place.url, PGPASSWORD=PASSWORD).stderr.partition("FATAL")[2]

        wait_for(refused_after_one_more, what="the last connection being used", timeout=30)
        assert_refused(run(place.url, PGPASSWORD=PASSWORD), "hint: raise max_connections")


def test_a_directory_and_a_database(tmp_path):
    both = run("postgresql:///db", "region", "list", "--data-dir", tmp_path)
    assert_refused(both, "--data-dir and --database exclude each other", code=2)


# init


def test_of_ten_first_starts_one_makes_the_catalog(database, tmp_path):
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        finished = list(pool.map(lambda number: init(database, tmp_path / str(number)), range(10)))
    assert sorted(each.returncode for each in finished) == [0] + 9 * [1]
    for number, each in enumerate(finished):
        assert (tmp_path / str(number) / "env").exists() == (each.returncode == 0)
        if each.returncode != 0:
            assert_refused(each, "already holds a catalog")
    listed = run(database, "organization", "list", "--json")
    assert listed.stdout.count('"name":"acme"') == 1, listed.stderr


def test_an_init_after_one_that_was_killed(database, tmp_path):
    run_sql(database, 'CREATE SCHEMA "agent-secrets-init-catalog"',
            'CREATE TABLE "agent-secrets-init-catalog".migrations (version bigint)')
    assert init(database, tmp_path).returncode == 0
    schemas = run_sql(database, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'agent-secrets-%' ORDER BY 1")
    assert schemas.split() == ["agent-secrets-catalog", "agent-secrets-region-us-west"]


def test_an_init_that_fails_leaves_nothing(database, tmp_path):
    (tmp_path / "file").write_text("")
    finished = init(database, tmp_path / "file")
    assert finished.returncode == 1 and "file/env" in finished.stderr
    assert run_sql(database, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'agent-secrets-%'") == ""


def test_a_schema_that_is_in_the_way(database, tmp_path):
    run_sql(database, 'CREATE SCHEMA "agent-secrets-region-us-west"')
    assert_refused(init(database, tmp_path), '"agent-secrets-region-us-west" already exists', "hint: another program")
    schemas = run_sql(database, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'agent-secrets-%'")
    assert schemas.split() == ["agent-secrets-region-us-west"]
    assert list(tmp_path.iterdir()) == []


# serve


def readiness(control_plane):
    return control_plane.rest().request("GET", "/readyz")


def test_two_servers_use_one_database(database, tmp_path):
    with ControlPlane(tmp_path / "one", database=database) as one:
        two = ControlPlane(tmp_path / "two", database=database)
        two.directory.mkdir()
        shutil.copy(one.master_key_file, two.master_key_file)
        two.token = one.token
        with contextlib.ExitStack() as ended:
            two.start()
            ended.callback(two.kill)
            assert one.rest().put_secrets("bot-secrets", A="1").status == 202
            two.wait_ready("bot-secrets")
            assert two.rest().deploy("bot", secretSet="bot-secrets").status == 200
            assert one.rest().org("GET", "services/bot").status == 200
            # Both serve a region that is added, and both refuse it after its removal.
            one.run("region", "add", "eu-central")
            body = {"secrets": [{"secretKey": "A", "secretValue": "1"}], "region": "eu-central"}
            for server in (one, two):
                wait_for(lambda: server.rest().org("PUT", "secrets/eu-secrets", body).status == 202, what="the region")
            one.wait_ready("eu-secrets")
            assert one.rest().org("DELETE", "secrets/eu-secrets").status == 200
            one.run("region", "remove", "eu-central")
            for server in (one, two):
                assert server.rest().org("PUT", "secrets/eu-secrets", body).status == 400
                assert readiness(server).status == 200


def test_a_region_that_cannot_be_opened_is_not_added(database, tmp_path):
    with ControlPlane(tmp_path / "one", database=database) as control_plane:
        refused = control_plane.run("region", "add", 60 * "a", check=False)
        assert_refused(refused, "would need a name of more than 63 bytes", "hint: give the region a shorter code")
        assert control_plane.run("region", "list", "--json").stdout.count('"code"') == 1


def test_a_server_says_that_its_database_is_gone_and_recovers_without_a_restart(tmp_path):
    with PostgresServer() as server:
        server.sql("CREATE ROLE me LOGIN PASSWORD 'x'", "CREATE DATABASE mine OWNER me")
        url = with_parts(server.url, database="mine", user="me")
        with ControlPlane(tmp_path / "one", database=url, environment={"PGPASSWORD": "x"}) as control_plane:
            rest = control_plane.rest()
            assert readiness(control_plane).body["ready"] is True
            server.stop()
            wait_for(lambda: readiness(control_plane).status == 503, 20, "the server saying that it is not ready")
            refused = readiness(control_plane)
            assert refused.body["error"] == refused.body["checks"]["catalog"] == "The catalog cannot be read"
            assert str(server.directory) not in refused.text and "mine" not in refused.text
            assert rest.request("GET", "/livez").status == 200
            refused = rest.org("GET", "secrets")
            assert refused.status == 503 and refused.headers["Retry-After"] == "2"
            server.start()
            wait_for(lambda: readiness(control_plane).status == 200, 20, "the server being ready again")
            assert rest.put_secrets("bot-secrets", A="1").status == 202
            control_plane.wait_ready("bot-secrets", 30)
