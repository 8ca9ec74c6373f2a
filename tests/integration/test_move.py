"""`move` moves a whole control plane from a data directory to PostgreSQL and back. Afterwards operators, the CLI and
instances get the same answers as before. A move that is refused or killed changes nothing."""

import concurrent.futures
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import secrets
import shutil
import sqlite3
import subprocess
import time

import pytest

from support import canary, programs, protocol
from support.control_plane import ControlPlane
from support.instance import Instance, injected_environment
from support.postgresql import drop_database, new_database, run_sql
from support.wait import wait_for

SETS, AGENTS, HELD = 500, 199, 8  # with one agent in the second region, the most that an organization may have
WITHOUT_INSTANCES = range(HELD, HELD + 6)  # the server records the start of instances with a delay
CANARY = f"canary-{secrets.token_hex(12)}"
EU = "eu-central"


@dataclasses.dataclass(frozen=True)
class Moved:
    returncode: int
    stdout: str
    stderr: str
    seconds: float
    peak_kib: int


def move_command(source, target, master_key_file):
    """`source` and `target` are a path or a URL."""
    place = ["--database" if "://" in str(source) else "--data-dir", source]
    place += ["--to" if "://" in str(target) else "--to-data-dir", target]
    return [str(part) for part in
            (programs.control_plane_program(), "move", *place, "--master-key-file", master_key_file)]


def move(source, target, master_key_file, **environment):
    begun = time.monotonic()
    process = subprocess.Popen(
        move_command(source, target, master_key_file), env=programs.clean_environment(**environment),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    stdout, stderr = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Moved(process.returncode, stdout, stderr, time.monotonic() - begun, usage.ru_maxrss)


def assert_refused(finished, *says, code=1):
    assert finished.returncode == code, finished.stderr
    assert "secret-control-plane: error: " in finished.stderr and "\nhint: " in finished.stderr
    for words in says:
        assert words in finished.stderr


def run(place, master_key_file, *arguments):
    """A command on a data directory or a database."""
    words = [programs.control_plane_program(), *arguments, "--database" if "://" in str(place) else "--data-dir", place,
             "--master-key-file", master_key_file]
    return subprocess.run([str(word) for word in words], env=programs.clean_environment(), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)


def holds_no_catalog(place, master_key_file):
    # The list first: where there is a catalog, serve would not end.
    for words in (("region", "list"), ("serve", "--listen", "127.0.0.1:0")):
        refused = run(place, master_key_file, *words)
        if refused.returncode == 0:
            return False
        assert "holds no catalog" in refused.stderr or "no such file" in refused.stderr.lower(), refused.stderr
    return True


# A whole control plane


def pair(number):
    return {f"KEY_{number}": f"{CANARY}-{number}", "SECOND": "x" * (1 + number % 300)}


def fill(control_plane):
    """Fills the control plane, and returns the credentials of the first agents."""
    rest = control_plane.rest()
    control_plane.run("region", "add", EU)
    wait_for(lambda: len(rest.org("GET", "regions").body["regions"]) == 2, what="the second region")

    def write(number):
        return rest.put_secrets(f"set-{number}", **pair(number)).status

    def write_again(number):
        return rest.put_secrets(f"set-{number}", SECOND=f"{CANARY}-again-{number}").status

    def deploy(number):
        version = {} if number % 5 else {"secretVersion": "latest"}
        return rest.deploy(f"bot-{number}", secretSet=f"set-{number}", **version).status

    def deploy_again(number):
        return rest.redeploy(f"bot-{number}", secretSet=f"set-{number}", image=f"demo/bot:{number}").status

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(SETS))) == {202}
        wait_for(lambda: all_ready(rest, SETS), 120, "all sets turning ready", interval=0.2)
        assert set(pool.map(deploy, range(AGENTS))) == {200}
        for _ in range(2):
            assert set(pool.map(write_again, range(60))) == {202}
            wait_for(lambda: all_ready(rest, SETS), 120, "all sets turning ready", interval=0.2)
        assert set(pool.map(deploy_again, range(0, 40, 2))) == {200}
        credentials = list(pool.map(lambda number: control_plane.issue_credential(f"bot-{number}"), range(HELD)))
    body = {"secrets": [{"secretKey": "A", "secretValue": CANARY}], "region": EU}
    assert rest.org("PUT", "secrets/eu-secrets", body).status == 202
    assert rest.put_image_pull_secret("registry").status == 202
    for name in ("eu-secrets", "registry"):
        control_plane.wait_ready(name, 30)
    assert rest.deploy("eu-bot", secretSet="eu-secrets", region=EU).status == 200
    credentials.append(control_plane.issue_credential("eu-bot"))
    # The set and the agent with the highest ids are removed.
    assert rest.put_secrets("gone-secrets", A=CANARY).status == 202
    assert rest.org("DELETE", "secrets/gone-secrets").status == 200
    assert rest.org("DELETE", f"services/bot-{AGENTS - 1}").status in (200, 204)
    control_plane.run("token", "create", "ci")
    control_plane.run("api-key", "create", "script", "--type", "private")
    control_plane.run("user", "add", "ann", "--email", "ann@example.com")
    control_plane.run("member", "add", "ann")
    return credentials


def all_ready(rest, least):
    sets = rest.org("GET", "secrets").body["sets"]
    return len(sets) >= least and {each["status"] for each in sets} == {"ready"}


def bundle(credential):
    """The signed content of a bundle with its decrypted values, without the fields that differ in each answer."""
    answer = protocol.fetch_bundle(credential)
    assert answer.status == 200, answer.body
    compact = answer.body.decode()
    facts = protocol.verify_bundle(credential, compact)
    for fresh in ("issued_at", "nonce", "sealed"):
        del facts[fresh]
    return facts | {"values": protocol.open_bundle(credential, compact)}


# Of a credential: it is recorded within a second after the request.
LAST_USE = re.compile(r'(?<="confirmed":true),"lastUsedAt":(null|"[^"]*")')


def seen_from_outside(control_plane, credentials):
    """The answers that the API, the commands and the instances give."""
    rest = control_plane.rest()
    paths = ["secrets", "services", "regions", "properties", *(f"secrets/set-{number}" for number in range(3)),
             *(f"services/bot-{number}{more}" for number in WITHOUT_INSTANCES for more in ("", "/deployments"))]
    answers = {path: rest.org("GET", path) for path in paths}
    assert {answer.status for answer in answers.values()} == {200}
    commands = (("token", "list"), ("api-key", "list"), ("organization", "list"),
                *(("credential", "list", f"bot-{number}") for number in (0, 1)),
                *(("agent", "events", f"bot-{number}") for number in (0, 2)))
    return ({path: answer.body for path, answer in answers.items()} |
            {" ".join(words): LAST_USE.sub("", control_plane.run(*words, "--json").stdout) for words in commands} |
            {f"bundle {number}": bundle(protocol.Credential.parse(credential))
             for number, credential in enumerate(credentials)})


def differences(before, after):
    assert before.keys() == after.keys()
    return {name: (value, after[name]) for name, value in before.items() if value != after[name]}


def started_bots(credentials, directory):
    """The secrets that each bot gets. Each bot has its own cache, which later starts use again."""
    environments = [injected_environment(each, directory / f"bot-{number}") for number, each in enumerate(credentials)]
    return [{name: value for name, value in each.items() if name in ("A", "SECOND") or name.startswith("KEY_")}
            for each in environments]


def use(control_plane, place):
    """Makes the next start use this data directory or database."""
    if "://" in str(place):
        control_plane._database = place
    else:
        control_plane._database = None
        control_plane.data_dir = place


def highest_set_id(place):
    """The highest id of a set."""
    if "://" in str(place):
        return int(run_sql(place, 'SELECT max(id) FROM "agent-secrets-catalog".sets'))
    with sqlite3.connect(pathlib.Path(place) / "catalog.db") as connection:
        return connection.execute("SELECT max(id) FROM sets").fetchone()[0]


@dataclasses.dataclass(frozen=True)
class Filled:
    """A stopped control plane with much data."""
    control_plane: ControlPlane
    data: pathlib.Path  # a copy of its data directory
    credentials: list  # of the first agents


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("filled")) as control_plane:
        credentials = fill(control_plane)
        control_plane.stop()
        data = shutil.copytree(control_plane.data_dir, tmp_path_factory.mktemp("copy") / "data")
        yield Filled(control_plane, data, credentials)


@pytest.fixture
def source(filled, tmp_path):
    """A separate copy of the data directory, with the same master key."""
    return shutil.copytree(filled.data, tmp_path / "source")


def test_everything_moves_to_postgresql_and_back(filled, database, tmp_path, capsys):
    control_plane, credentials = filled.control_plane, filled.credentials
    first, last = control_plane.data_dir, tmp_path / "back" / "data"
    kid = protocol.Credential.parse(credentials[1]).identity["kid"]
    control_plane.start()
    control_plane.run("credential", "revoke", "bot-1", kid)
    held = [credentials[0], *credentials[2:]]
    started = started_bots(held, tmp_path)
    highest = highest_set_id(first) + 1  # of gone-secrets
    with Instance(tmp_path / "instance", held[0]) as instance:
        wait_for(lambda: instance.sidecar_status() == 0, 20, "the sidecar being current")
        before = seen_from_outside(control_plane, held)
        for source, target in ((first, database), (database, last)):
            control_plane.stop()
            moved = move(source, target, control_plane.master_key_file)
            assert moved.returncode == 0, moved.stderr
            with capsys.disabled():
                print(f"\nmove to {'PostgreSQL' if target == database else 'a data directory'}: "
                      f"{moved.seconds:.1f} s, at most {moved.peak_kib / 1024:.0f} MiB; {moved.stderr.splitlines()[:3]}")
            search = canary.Search({"value": CANARY})
            search.text(moved.stdout + moved.stderr, "the output of move")
            assert search.leaks == []
            use(control_plane, target)
            control_plane.start()

            assert differences(before, seen_from_outside(control_plane, held)) == {}
            revoked = protocol.fetch_bundle(protocol.Credential.parse(credentials[1]))
            assert revoked.status == 403, revoked.body
            # An injector refuses a bundle of a lower sequence than its cache has.
            assert started_bots(held, tmp_path) == started
            wait_for(lambda: instance.sidecar_status() == 0, 30, "the sidecar being current")
            # The id of a removed set is not used again.
            assert control_plane.rest().put_secrets("new-secrets", A="1").status == 202
            assert highest_set_id(target) > highest
            highest = highest_set_id(target)
            assert control_plane.rest().org("DELETE", "secrets/new-secrets").status == 200
            assert_refused(run(source, control_plane.master_key_file, "region", "list"), " was moved to ")
        control_plane.rest().put_secrets("set-0", SECOND="newer")
        control_plane.wait_ready("set-0")
        assert control_plane.rest().redeploy("bot-0", secretSet="set-0").status == 200
        wait_for(lambda: instance.sidecar_status() != 0, 30, "the sidecar reporting a newer version")
    control_plane.stop()
    search = canary.Search({"value": CANARY})
    search.tree(last)
    assert search.leaks == []


@pytest.mark.parametrize("back", [False, True], ids=["to PostgreSQL", "to a data directory"])
def test_a_move_that_is_killed_leaves_no_catalog_and_can_be_run_again(filled, source, database, tmp_path, back):
    key = filled.control_plane.master_key_file
    target = database
    if back:
        assert move(source, database, key).returncode == 0
        source, target = database, tmp_path / "target"
    kills, delay = 0, 0.1
    while True:
        process = subprocess.Popen(move_command(source, target, key), env=programs.clean_environment(),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
        stderr = process.communicate()[1].decode()
        if process.returncode == 0:
            break
        assert process.returncode == -9, stderr
        kills, delay = kills + 1, delay * 1.5
        if not holds_no_catalog(target, key):
            break  # killed after the last step
        assert run(source, key, "region", "list").returncode == 0
    assert kills >= 3
    regions = json.loads(run(target, key, "region", "list", "--json").stdout)
    assert [region["code"] for region in regions] == ["us-west", EU]
    if back:
        # An empty directory may stay when the process was killed after the last rename.
        assert not list(target.glob(".init/*"))
    else:
        schemas = run_sql(database, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'agent-secrets-%' ORDER BY 1")
        assert schemas.split() == ["agent-secrets-catalog", f"agent-secrets-region-{EU}", "agent-secrets-region-us-west"]


# Moves that are refused


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
