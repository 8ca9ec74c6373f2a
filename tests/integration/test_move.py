"""`move` moves a whole control plane from a data directory to PostgreSQL and back. Afterwards operators, the CLI and
instances get the same answers as before. A move that is killed changes nothing, and can be run again."""

import concurrent.futures
import dataclasses
import json
import pathlib
import re
import secrets
import shutil
import sqlite3
import subprocess

import pytest

from support import canary, programs, protocol
from support.control_plane import ControlPlane
from support.instance import Instance, injected_environment
from support.move import assert_refused, holds_no_catalog, move, move_command, run, use
from support.postgresql import run_sql
from support.wait import wait_for

SETS, AGENTS, HELD = 500, 199, 8  # with one agent in the second region, the most that an organization may have
WITHOUT_INSTANCES = range(HELD, HELD + 6)  # the server records the start of instances with a delay
CANARY = f"canary-{secrets.token_hex(12)}"
EU = "eu-central"


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
    kills, delay = 0, 0.02
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
