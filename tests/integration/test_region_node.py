"""A region node serves the instances of a region. The region's store is on one PostgreSQL server, and the catalog of the
control plane is on another."""

import base64
import contextlib
import dataclasses
import json
import secrets
import shutil
import subprocess
import time

import pytest

from support import canary, programs, protocol
from support.control_plane import ControlPlane
from support.credential_text import identity_of
from support.instance import Instance, injected_environment, run_injector
from support.postgresql import PostgresServer, run_sql, with_parts
from support.region_node import RegionNode
from support.rest import Rest
from support.wait import wait_for

REGION = "eu-central"
SCHEMA = f'"agent-secrets-region-{REGION}"'
PASSWORD = "of-every-role"
REFUSED = 125  # the exit code of an injector that cannot start its command

# The rights that docs/OPERATIONS.md grants to the role of a node.
NODE_RIGHTS = (
    f"GRANT USAGE ON SCHEMA {SCHEMA} TO node",
    f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO node",
    f"GRANT INSERT, UPDATE, DELETE ON {SCHEMA}.instances, {SCHEMA}.listening, {SCHEMA}.credential_uses"
    " TO node",
    f"GRANT INSERT ON {SCHEMA}.audit TO node",
)


@dataclasses.dataclass
class World:
    """Two PostgreSQL servers: the catalog of a control plane is on the first, and a region's store is on the second."""
    directory: object
    catalog_server: PostgresServer
    region_server: PostgresServer
    control_plane: ControlPlane
    values: dict
    keys: object

    def region_url(self, user):
        return with_parts(self.region_server.url, database="regions", user=user)

    def node(self, name, **changes):
        """A node whose database role has only the rights that it needs."""
        arguments = {
            "directory": self.directory / name, "region": REGION, "keys": self.keys,
            "place": ("--region-database", f"{REGION}={self.region_url('node')}"),
            "environment": {"PGPASSWORD": PASSWORD}, **changes}
        return RegionNode(**arguments)

    def issue(self, *urls):
        """A credential of the agent `bot` with these URLs."""
        words = [word for url in urls for word in ("--url", url)]
        return self.control_plane.run("credential", "issue", "bot", *words).stdout.strip()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    directory = tmp_path_factory.mktemp("world")
    values = {"FIRST": f"canary-{secrets.token_hex(12)}"}
    with contextlib.ExitStack() as ended:
        catalog_server = ended.enter_context(PostgresServer())
        catalog_server.sql(f"CREATE ROLE catalog LOGIN PASSWORD '{PASSWORD}'", "CREATE DATABASE catalog OWNER catalog")
        region_server = ended.enter_context(PostgresServer())
        region_server.sql(f"CREATE ROLE provisioner LOGIN PASSWORD '{PASSWORD}'",
                          f"CREATE ROLE node LOGIN PASSWORD '{PASSWORD}'",
                          "CREATE DATABASE regions OWNER provisioner")
        store = with_parts(region_server.url, database="regions", user="provisioner")
        control_plane = ended.enter_context(ControlPlane(
            directory / "control-plane",
            database=with_parts(catalog_server.url, database="catalog", user="catalog"),
            environment={"PGPASSWORD": PASSWORD, "AGENT_SECRETS_REGION_DATABASES": f"{REGION}={store}"}))
        control_plane.run("region", "add", REGION)
        run_sql(store, *NODE_RIGHTS, password=PASSWORD)
        keys = directory / "eu.keys"
        control_plane.run("region", "export-keys", REGION, keys)
        made = World(directory, catalog_server, region_server, control_plane, values, keys)
        rest = control_plane.rest()
        write(rest, values)
        control_plane.wait_ready("bot-secrets", 30)
        assert rest.deploy("bot", secretSet="bot-secrets", region=REGION).status == 200
        yield made


def write(rest, values):
    body = {"secrets": [{"secretKey": key, "secretValue": value} for key, value in values.items()], "region": REGION}
    wait_for(lambda: rest.org("PUT", "secrets/bot-secrets", body).status == 202, 20, "the write")


def rest_of(node):
    return Rest(node.url, "pcc_pat_of-nothing", "acme")


def ask_for_bundle(text):
    """The answer to one request, at the first URL of the credential."""
    credential = protocol.Credential.parse(text)
    return protocol.get(credential.url, protocol.BUNDLE, protocol.proof(credential, protocol.BUNDLE))


@contextlib.contextmanager
def catalog_down(world):
    """Stops the catalog's PostgreSQL server and every server of the control plane."""
    world.control_plane.stop()
    world.catalog_server.stop()
    try:
        yield
    finally:
        world.catalog_server.start()
        world.control_plane.start()


# Serving


def test_a_node_serves_while_the_catalog_its_database_and_all_other_servers_are_down(world, tmp_path):
    with world.node("alone") as node:
        credential, revoked = world.issue(node.url), world.issue(node.url)
        assert injected_environment(revoked, tmp_path / "before")["FIRST"] == world.values["FIRST"].encode()
        world.control_plane.run("credential", "revoke", "bot", identity_of(revoked)["kid"])
        with Instance(tmp_path / "instance", credential) as instance:
            wait_for(lambda: instance.sidecar_status() == 0, what="the sidecar being current")
            with catalog_down(world):
                environment = injected_environment(credential, tmp_path / "during")
                assert environment["FIRST"] == world.values["FIRST"].encode()
                refused = run_injector(revoked, "/bin/true", options=("--cache-dir", tmp_path / "none"))
                assert refused.returncode == REFUSED and "revoked" in refused.stderr, refused.stderr
                assert rest_of(node).request("GET", "/readyz").status == 200
                assert node.process.poll() is None

            # After the outage the node answers its long polls when another server has made a change.
            world.values["FIRST"] = f"canary-{secrets.token_hex(12)}"
            write(world.control_plane.rest(), world.values)
            wait_for(lambda: instance.sidecar_status() == 10, 30, "the sidecar reporting the new value")
            # The view of the fleet has the reports of instances to the node.
            wait_for(lambda: '"watched":true' in world.control_plane.run("fleet", "bot", "--json").stdout, 60,
                     "the report of the sidecar", interval=0.5)
            assert world.control_plane.rest().redeploy("bot", secretSet="bot-secrets").status == 200
            wait_for(lambda: injected_environment(credential, tmp_path / "after")["FIRST"] ==
                     world.values["FIRST"].encode(), 20, "the new value")


def test_a_credential_that_is_revoked_while_the_node_runs_is_refused(world, tmp_path):
    with world.node("revoking") as node:
        credential = world.issue(node.url)
        assert injected_environment(credential, tmp_path)["FIRST"] == world.values["FIRST"].encode()
        world.control_plane.run("credential", "revoke", "bot", identity_of(credential)["kid"])
        refused = run_injector(credential, "/bin/true", options=("--cache-dir", tmp_path / "none"))
        assert refused.returncode == REFUSED and "revoked" in refused.stderr


def test_the_last_use_at_a_node_is_listed_by_the_control_plane(world, tmp_path):
    with world.node("uses") as node:
        credential = world.issue(node.url)
        kid = identity_of(credential)["kid"]

        def last_use():
            (row,) = [row for row in json.loads(world.control_plane.run("credential", "list", "bot", "--json").stdout)
                      if row["kid"] == kid]
            return row["lastUsedAt"]

        assert last_use() is None
        assert injected_environment(credential, tmp_path)["FIRST"] == world.values["FIRST"].encode()
        assert wait_for(last_use, what="the use of the credential").endswith(":00:00.000Z")


def test_an_instance_falls_back_to_the_control_plane_when_its_node_is_down(world, tmp_path):
    node = world.node("down")
    credential = world.issue(node.url, world.control_plane.url)
    assert injected_environment(credential, tmp_path)["FIRST"] == world.values["FIRST"].encode()


def test_a_node_that_cannot_reach_its_store_says_so_and_recovers_without_a_restart(world, tmp_path):
    with world.node("cut-off") as node:
        credential = world.issue(node.url)
        world.region_server.stop()
        try:
            answer = wait_for(lambda: (asked := rest_of(node).request("GET", "/readyz")).status == 503 and asked, 30,
                              "the node saying that it is not ready")
            assert answer.body["error"] == f"The store of region {REGION} cannot be read"
            assert run_injector(credential, "/bin/true",
                                options=("--cache-dir", tmp_path / "none", "--timeout", "2")).returncode != 0
        finally:
            world.region_server.start()
        wait_for(lambda: rest_of(node).request("GET", "/readyz").status == 200, 30, "the node being ready again")
        assert injected_environment(credential, tmp_path)["FIRST"] == world.values["FIRST"].encode()


def test_a_node_has_no_rest_api_and_says_which_server_has_it(world):
    with world.node("rest") as node:
        rest = rest_of(node)
        for answer in (rest.org("GET", "secrets"), rest.org("PUT", "secrets/x", {}), rest.request("GET", "/v1/agents")):
            assert answer.status == 404
            assert f"node of region {REGION}" in answer.body["error"]
            assert "a server with a catalog" in answer.body["error"]
        connected = f'agent_secrets_listener_connected{{database="region {REGION}"}} 1'
        wait_for(lambda: connected in rest.request("GET", "/metrics").text, 20, "the node listening to its store")
        metrics = rest.request("GET", "/metrics").text
        assert "agent_secrets_http_refusals_total" in metrics
        assert "acme" not in metrics and "bot" not in metrics


def test_a_node_is_connected_only_to_its_store_and_may_change_only_reports(world):
    connected = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'secret-control-plane'"
    with world.node("rights"):
        world.control_plane.stop()
        try:
            # Connections of the server that was stopped end a moment later.
            wait_for(lambda: world.catalog_server.sql(connected).split() == [], what="no connection to the catalog")
            wait_for(lambda: run_sql(world.region_url("postgres"), connected, password=PostgresServer.PASSWORD).split() ==
                     ["node"], what="the node alone being connected to its store")
        finally:
            world.control_plane.start()
    changeable = run_sql(
        world.region_url("postgres"), "SELECT tablename FROM pg_tables WHERE schemaname LIKE 'agent-secrets-%' AND"
        " has_table_privilege('node', format('%I.%I', schemaname, tablename), 'INSERT, UPDATE, DELETE, TRUNCATE')"
        " ORDER BY 1", password=PostgresServer.PASSWORD)
    assert changeable.split() == ["audit", "credential_uses", "instances", "listening"]


def test_no_log_contains_a_value_or_a_key(world, tmp_path):
    with world.node("logs") as node:
        credential = world.issue(node.url)
        assert injected_environment(credential, tmp_path)["FIRST"] == world.values["FIRST"].encode()
    text = world.keys.read_text()
    secret = text.rpartition(".")[2]
    seed = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))[:32]
    search = canary.Search({**world.values, "the keys": secret,
                            "the seed": base64.urlsafe_b64encode(seed).decode().rstrip("=")})
    search.tree(world.directory, exclude=[world.keys])
    assert search.leaks == []
    assert search.places > 3


# Nodes that are refused


def damaged(text):
    middle = len(text) // 2
    return text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1:]


@pytest.fixture
def keys_copy(world, tmp_path):
    copy = tmp_path / "copy.keys"
    shutil.copy(world.keys, copy)
    return copy


def test_the_file_of_keys_is_private_and_is_never_overwritten(world):
    assert world.keys.stat().st_mode & 0o777 == 0o600
    before = world.keys.read_bytes()
    again = world.control_plane.run("region", "export-keys", REGION, world.keys, check=False)
    assert again.returncode == 1 and "file exists" in again.stderr
    assert world.keys.read_bytes() == before
    unknown = world.control_plane.run("region", "export-keys", "mars", world.directory / "mars.keys", check=False)
    assert unknown.returncode == 1 and "no region 'mars'" in unknown.stderr
    assert not (world.directory / "mars.keys").exists()


def test_a_missing_file_of_keys_is_refused(world, tmp_path):
    refusal = world.node("refused", keys=tmp_path / "nothing.keys").refusal()
    assert "nothing.keys: no such file" in refusal
    assert f"hint: write it with secret-control-plane region export-keys {REGION} FILE" in refusal


def test_a_file_of_keys_that_others_may_read_is_refused(world, keys_copy):
    keys_copy.chmod(0o644)
    refusal = world.node("refused", keys=keys_copy).refusal()
    assert "group or others may read the keys of a region" in refusal
    assert f"hint: run chmod 600 {keys_copy}" in refusal


def test_a_damaged_file_of_keys_is_refused(world, keys_copy):
    for text in (damaged(world.keys.read_text()), world.keys.read_text()[:-9], "", "x"):
        keys_copy.write_text(text)
        refusal = world.node("refused", keys=keys_copy).refusal()
        assert "secret-control-plane: error: region keys: " in refusal
        assert "hint: write the file again with secret-control-plane region export-keys" in refusal


def test_the_keys_of_another_region_are_refused(world, tmp_path):
    world.control_plane.run("region", "export-keys", "us-west", tmp_path / "us.keys")
    refusal = world.node("refused", keys=tmp_path / "us.keys").refusal()
    assert f"has the keys of region us-west, and this is a node of region {REGION}" in refusal


def test_the_keys_of_another_control_plane_are_refused(world, tmp_path):
    with ControlPlane(tmp_path / "other") as other:
        other.run("region", "add", REGION)
        other.run("region", "export-keys", REGION, tmp_path / "other.keys")
    refusal = world.node("refused", keys=tmp_path / "other.keys").refusal()
    assert "has values under the key" in refusal and "which is not among the given keys of the region" in refusal


def test_keys_are_read_from_the_environment_and_removed_there(world):
    text = world.keys.read_text()
    node = world.node("variable", environment={"PGPASSWORD": PASSWORD, "AGENT_SECRETS_REGION_KEYS": text})
    node.options = ["--only-region", REGION, "--region-database", f"{REGION}={world.region_url('node')}"]
    with node:
        assert text.encode() not in open(f"/proc/{node.process.pid}/environ", "rb").read()


def test_a_region_that_is_not_in_the_database_is_refused(world, tmp_path):
    world.control_plane.run("region", "export-keys", "us-west", tmp_path / "us.keys")
    node = world.node("refused", region="us-west", keys=tmp_path / "us.keys",
                      place=("--region-database", f"us-west={world.region_url('node')}"))
    assert "has no schema agent-secrets-region-us-west" in node.refusal()


@pytest.mark.parametrize(("place", "environment", "says"), [
    (("--database", "postgresql:///db"), {}, "a region node has no catalog"),
    (("--region-database", "eu-central=postgresql:///db"), {"AGENT_SECRETS_MASTER_KEY": 43 * "A"},
     "a region node needs no master key"),
    (("--region-database", "eu-central=postgresql:///db", "--master-key-file", "key"), {},
     "a region node needs no master key"),
    (("--region-database", "eu-central=postgresql:///db", "--data-dir", "data"), {}, "exclude each other"),
    (("--region-database", "eu-central=postgresql:///db", "--on-deploy", "true"), {}, "excludes"),
    ((), {}, "--region-database or --data-dir is required"),
    (("--region-database", "us-west=postgresql:///db"), {}, "names no database of region eu-central"),
    (("--region-database", "postgresql:///db"), {}, "there is no valid region code before the URL"),
    (("--region-database", "eu-central=postgresql://me:hidden-word@/db"), {}, "has a password in it"),
])
def test_invalid_options_are_refused(world, place, environment, says):
    refusal = world.node("refused", place=place, environment=environment).refusal()
    assert says in refusal
    assert "hidden-word" not in refusal


def test_a_node_without_keys_is_refused(world):
    node = world.node("refused")
    node.options = ["--only-region", REGION, "--region-database", f"{REGION}={world.region_url('node')}"]
    assert "--region-keys is required" in node.refusal()


# A data directory


def test_a_data_directory_is_refused_while_a_server_uses_it_and_served_when_it_has_stopped(tmp_path):
    with ControlPlane(tmp_path / "control-plane") as control_plane:
        rest = control_plane.rest()
        rest.put_secrets("bot-secrets", A="1")
        control_plane.wait_ready("bot-secrets")
        rest.deploy("bot", secretSet="bot-secrets")
        keys = tmp_path / "us.keys"
        control_plane.run("region", "export-keys", "us-west", keys)
        node = RegionNode(tmp_path / "node", "us-west", keys, ("--data-dir", control_plane.data_dir))
        credential = control_plane.run("credential", "issue", "bot", "--url", node.url).stdout.strip()
        assert "is served by another process" in node.refusal()
        control_plane.stop()
        with node:
            assert injected_environment(credential, tmp_path)["A"] == b"1"


# The servers with the catalog


def test_a_server_that_does_not_name_the_regions_database_is_refused(world):
    finished = subprocess.run(
        world.control_plane.command("region", "list"), env=programs.clean_environment(PGPASSWORD=PASSWORD),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert finished.returncode == 1
    assert f"region {REGION}: its store is in another database, postgresql://" in finished.stderr
    assert f"hint: give --region-database {REGION}=URL" in finished.stderr


def test_commands_and_servers_work_while_the_database_of_a_region_is_down(world, tmp_path):
    rest = world.control_plane.rest()
    credential = world.issue(world.control_plane.url)
    assert rest.put_secrets("west-secrets", A="1").status == 202
    world.control_plane.wait_ready("west-secrets")
    assert rest.deploy("west-bot", secretSet="west-secrets").status == 200
    west = world.control_plane.issue_credential("west-bot")

    def assert_that_the_other_region_is_served():
        refused = wait_for(lambda: (asked := ask_for_bundle(credential)).status == 503 and asked, 30, "503")
        assert refused.headers["retry-after"]
        started = time.monotonic()
        for _ in range(20):  # requests for both regions in turn
            assert ask_for_bundle(west).status == 200
            assert ask_for_bundle(credential).status == 503  # not 401: the credential may be right
        assert time.monotonic() - started < 20

    world.region_server.stop()
    try:
        assert_that_the_other_region_is_served()
        listed = world.control_plane.run("organization", "list", "--json")
        assert '"name":"acme"' in listed.stdout
        assert f"warning: region {REGION} is left out: " in listed.stderr
        fleet = world.control_plane.run("fleet", check=False)
        assert fleet.returncode == 1 and "connect postgresql://" in fleet.stderr
        world.control_plane.restart()
        rest = world.control_plane.rest()
        assert rest.put_secrets("west-secrets", A="2").status == 202
        world.control_plane.wait_ready("west-secrets")
        assert_that_the_other_region_is_served()
        # The load balancer must not take the server from the other regions.
        assert rest.request("GET", "/readyz").status == 200
        wait_for(lambda: "a region is not served" in world.control_plane.log_path.read_text(), 20,
                 "the server naming the region in its log")
    finally:
        world.region_server.start()
    wait_for(lambda: rest.request("GET", "/readyz").status == 200, 30, "the server being ready")
    write(rest, world.values)
