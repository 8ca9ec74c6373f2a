"""examples/migrate: from one account to another, each a real control plane, through the real CLI."""

import subprocess

import pytest

from support import official_cli, programs
from support.canary import Search
from support.control_plane import ControlPlane
from support.instance import injected_environment

SCRIPT = programs.ROOT / "examples" / "migrate" / "migrate.py"
VALUES = {"API_KEY": "canary-api-key-4711", "QUOTED": "canary with spaces 4712"}
LOGIN = "robot:canary-password-4713"

pytestmark = pytest.mark.skipif(not official_cli.installed(), reason="the official CLI is not installed; run script/bootstrap")


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """The account to move from, with other values: nobody can read those."""
    with ControlPlane(tmp_path_factory.mktemp("old"), organization="old-account") as plane:
        rest = plane.rest()
        rest.put_secrets("bot-secrets", API_KEY="unreadable", QUOTED="unreadable")
        rest.org("PUT", "secrets/registry", {"isImagePullSecret": True, "host": "https://registry.example/", "secretValue": "dTp0"})
        plane.wait_ready("bot-secrets")
        rest.deploy("bot", secretSet="bot-secrets")
        yield plane


@pytest.fixture
def new(tmp_path):
    with ControlPlane(tmp_path / "new") as plane:
        yield plane


class Migration:
    def __init__(self, directory, old, new):
        self.directory = directory
        self.values = directory / "values"
        self.values.mkdir()
        for name, plane in (("old", old), ("new", new)):
            (directory / f"{name}.env").write_text(
                f"PIPECAT_API_HOST={plane.url}\nPIPECAT_TOKEN={plane.token}\nPIPECAT_ORG={plane.organization}\n")

    def provide(self, name, text):
        (self.values / name).write_text(text)

    def run(self, *options):
        finished = subprocess.run(
            [SCRIPT, "--from", self.directory / "old.env", "--to", self.directory / "new.env", "--values", self.values, *options],
            env=programs.clean_environment(HOME=self.directory, PATH=f"{official_cli.NEWEST.program.parent}:/usr/bin:/bin"),
            capture_output=True, text=True, timeout=60)
        return finished.returncode, finished.stdout + finished.stderr


@pytest.fixture
def migration(tmp_path, old, new):
    return Migration(tmp_path, old, new)


def provide_all(migration):
    migration.provide("bot-secrets.env", f'# of the bot\nAPI_KEY={VALUES["API_KEY"]}\nQUOTED="{VALUES["QUOTED"]}"\n')
    migration.provide("registry.pull", f"https://registry.example/\n{LOGIN}\n")


def test_all_that_values_are_given_for_moves(migration, new, tmp_path):
    provide_all(migration)
    code, output = migration.run()
    assert code == 0, output
    assert "bot-secrets: 2 of 2 keys moved" in output and "registry: moved" in output
    assert "agent bot (us-west): deploy it again" in output
    new.wait_ready("bot-secrets")
    assert new.rest().deploy("bot", secretSet="bot-secrets").status == 200
    environment = injected_environment(new.issue_credential("bot"), tmp_path)
    assert {key: environment[key].decode() for key in VALUES} == VALUES
    search = Search({**VALUES, "login": LOGIN})
    assert search.text(output, "the script's output")
    assert migration.run()[0] == 0  # again, and nothing is lost


def test_a_dry_run_says_what_is_missing_and_writes_nothing(migration, new):
    migration.provide("bot-secrets.env", f"API_KEY={VALUES['API_KEY']}\nOTHER=more\n")
    code, output = migration.run("--dry-run")
    assert code == 1
    assert "bot-secrets: 1 of 2 keys are at hand, 1 that the old account has not: OTHER; missing: QUOTED" in output
    assert "registry: not moved: there is no registry.pull; missing: host credentials" in output
    assert new.rest().org("GET", "secrets").body == {"sets": []}


def test_what_is_missing_is_said_after_a_move_too(migration, new):
    migration.provide("bot-secrets.env", f"API_KEY={VALUES['API_KEY']}\n")
    code, output = migration.run()
    assert code == 1
    assert "bot-secrets: 1 of 2 keys moved; missing: QUOTED" in output


def test_a_region_that_is_not_there_stops_it(migration, new):
    provide_all(migration)
    code, output = migration.run("--region", "us-west=mars")
    assert code == 2 and "mars" in output
    assert new.rest().org("GET", "secrets").body == {"sets": []}


def test_a_new_account_that_cannot_be_reached_is_no_success(migration, new):
    provide_all(migration)
    new.stop()
    code, output = migration.run()
    assert code in (1, 2) and "2 of 2 keys moved" not in output


def test_a_bad_line_is_named_and_its_value_is_not(migration):
    migration.provide("bot-secrets.env", f"API_KEY={VALUES['API_KEY']}\n{VALUES['QUOTED']}\n")
    code, output = migration.run()
    assert code == 2 and "line 2 is no KEY=value" in output
    assert Search(VALUES).text(output, "the output")
