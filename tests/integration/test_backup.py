"""`backup create`, `backup verify` and `restore`: a control plane that is lost comes back as it was at one moment, and
agents start from it without help. AGENT_SECRETS_BACKUP_ROUNDS=20 is the long run of backups under load."""

import contextlib
import itertools
import json
import os
import re
import secrets
import shutil
import subprocess
import tarfile
import time

import pytest

from support import canary, programs, protocol, small_disk
from support.backup_load import Load, make_agent, verify_backup
from support.control_plane import ControlPlane
from support.instance import injected_environment
from support.postgresql import drop_database, new_database, run_sql
from support.wait import wait_for

ROUNDS = int(os.environ.get("AGENT_SECRETS_BACKUP_ROUNDS", "2"))
CANARY = f"canary-{secrets.token_hex(12)}"
DIFFERED = "the region and the catalog differed"
EU = "eu-central"


@contextlib.contextmanager
def empty_place(kind):
    """What a ControlPlane gets as its database: a new one, or None for a data directory."""
    if kind == "a data directory":
        yield None
        return
    url = new_database()
    try:
        yield url
    finally:
        drop_database(url)


@pytest.fixture(params=["a data directory", "PostgreSQL"])
def served_plane(request, tmp_path):
    """A control plane of each kind, up on loopback."""
    with empty_place(request.param) as database, ControlPlane(tmp_path / "first", database=database) as running:
        yield running


def copy_of(first, directory, database=None):
    """A place for a restored control plane, which has the first one's master key and token and answers to its URL."""
    other = ControlPlane(directory, database=database, serve_options=["--public-url", first.url])
    directory.mkdir(parents=True)
    shutil.copy(first.master_key_file, other.master_key_file)
    other.token = first.token
    return other


def back_up(control_plane, file):
    control_plane.run("backup", "create", str(file), timeout=120)
    assert file.stat().st_mode & 0o777 == 0o600
    return file


def restore(control_plane, file, **options):
    return control_plane.run("restore", str(file), timeout=120, **options)


def remove(control_plane):
    """As an accident would: while the server runs."""
    if control_plane.database:
        control_plane.kill()
        schemas = run_sql(control_plane.database, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'agent-secrets-%'")
        for schema in schemas.split():
            run_sql(control_plane.database, f'DROP SCHEMA "{schema}" CASCADE')
    else:
        shutil.rmtree(control_plane.data_dir)
        control_plane.kill()


def assert_refused(finished, *says):
    assert finished.returncode == 1, finished.stderr
    assert "secret-control-plane: error: " in finished.stderr
    for words in says:
        assert words in finished.stderr


def leftovers(directory):
    return [path.name for path in directory.iterdir() if path.name.startswith(".")]


# The drill


def test_what_was_deleted_under_load_comes_back_and_agents_start(served_plane, tmp_path, capsys):
    agents = [make_agent(served_plane, f"bot{number}") for number in range(3)]
    starts = {each.agent: tmp_path / each.agent for each in agents}
    spare = protocol.Credential.parse(served_plane.issue_credential("bot0")).identity["kid"]
    with Load(served_plane, agents) as load:
        load.waits_for(lambda: min(load.acknowledged.values()) >= 5, "the first writes")
        before = dict(load.acknowledged)
        begun = time.monotonic()
        file = back_up(served_plane, tmp_path / "secrets.backup")
        backed_up = time.monotonic() - begun
        at_backup = dict(load.attempted)
        # Instances see higher sequences than the backup has.
        deploys = load.deploys
        load.waits_for(lambda: load.deploys >= deploys + 5
                       and min(load.acknowledged[name] - at_backup[name] for name in starts) >= 10,
                       "deployments after the backup")
        for each in agents:
            injected_environment(each.credential, starts[each.agent])
        served_plane.run("credential", "revoke", "bot0", spare)
        records = tmp_path / "records.jsonl"
        records.write_text(served_plane.run("audit", "tail", "--json", "--count", "10000").stdout)
        remove(served_plane)
    assert load.faults == []

    begun = time.monotonic()
    done = served_plane.run("restore", str(file), "--audit-records", str(records), timeout=120)
    restored = time.monotonic() - begun
    assert "is as it was at " in done.stderr
    # What was done after the backup, and only that, has to be done again.
    assert f"  credential.revoke  credential {spare} of agent bot0 of acme\n" in done.stdout
    assert all(f"  set.write  set set-{each.agent} of acme: version " in done.stdout for each in agents)
    assert "agent.deploy" in done.stdout and "agent.create" not in done.stdout
    served_plane.start()
    for each in agents:
        wait_for(lambda each=each: (each.served() or -1) >= before[each.agent], 60, f"the values of {each.agent}", 0.05)
    serving = time.monotonic() - begun
    for each in agents:
        found = injected_environment(each.credential, starts[each.agent])
        assert found["LEFT"] == found["RIGHT"]
        assert before[each.agent] <= int(found["LEFT"]) <= at_backup[each.agent]
    # And it goes on.
    assert served_plane.rest().put_secrets("set-bot0", LEFT="-1", RIGHT="-1").status == 202
    wait_for(lambda: agents[0].served() == -1, 60, "a write after the restore")
    with capsys.disabled():
        print(f"\nbackup {backed_up:.1f} s; from nothing: restored after {restored:.1f} s, every agent served after "
              f"{serving:.1f} s; {load.fetches} fetches, {sum(load.acknowledged.values())} writes before")


def test_backups_under_load_are_of_one_moment(served_plane, tmp_path, capsys):
    agents = [make_agent(served_plane, f"bot{number}") for number in range(3)]
    key = served_plane.master_key_file
    targets = itertools.cycle(["a data directory", "PostgreSQL"] if os.environ.get("AGENT_SECRETS_TEST_POSTGRESQL")
                              else ["a data directory"])
    seconds = []
    with Load(served_plane, agents) as load:
        load.waits_for(lambda: min(load.acknowledged.values()) >= 5, "the first writes")
        for number in range(ROUNDS):
            before, begun = dict(load.acknowledged), time.monotonic()
            file = back_up(served_plane, tmp_path / f"{number}.backup")
            seconds.append(time.monotonic() - begun)
            after = dict(load.attempted)
            assert sum(load.acknowledged.values()) > sum(before.values())
            checked = verify_backup(file, "--master-key-file", key)
            assert checked.returncode == 0, checked.stderr
            with empty_place(next(targets)) as database:
                other = copy_of(served_plane, tmp_path / f"restored-{number}", database)
                restore(other, file)
                try:
                    other.start()
                    for each in agents:
                        wait_for(lambda each=each: (each.served(other.url) or -1) >= before[each.agent], 60,
                                 f"the values of {each.agent}", 0.05)
                        assert each.served(other.url) <= after[each.agent]
                    assert not [line for line in other.log_lines() if line["message"] == DIFFERED]
                finally:
                    other.kill()
    assert load.faults == []
    with capsys.disabled():
        print(f"\n{ROUNDS} backups under load, {max(seconds):.1f} s at most; {load.fetches} fetches, "
              f"{sum(load.acknowledged.values())} writes, {load.deploys} deploys meanwhile")


# What is in a backup


@pytest.fixture
def filled(served_plane):
    rest = served_plane.rest()
    assert rest.put_secrets("bot-secrets", A=CANARY, B="2").status == 202
    served_plane.wait_ready("bot-secrets")
    assert rest.deploy("bot", secretSet="bot-secrets").status == 200
    return served_plane


def test_a_backup_says_what_is_in_it_and_has_no_value(filled, tmp_path):
    file = back_up(filled, tmp_path / "secrets.backup")
    shown = verify_backup(file, "--master-key-file", filled.master_key_file)
    assert "organizations: 1, sets: 1, agents: 1" in shown.stdout
    assert "region-us-west.db" in shown.stdout and "the master key opens it" in shown.stdout
    without_key = verify_backup(file)
    assert without_key.returncode == 0 and "Without a master key" in without_key.stdout
    manifest = json.loads(verify_backup(file, "--json").stdout)
    assert [part["file"] for part in manifest["parts"]] == ["catalog.db", "region-us-west.db"]
    listed = subprocess.run(["tar", "--list", "--file", file], capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["manifest.json", "catalog.db", "region-us-west.db", "seal", "sha256"]
    search = canary.Search({"value": CANARY})
    search.text(file.read_bytes().decode("latin-1"), "the backup")
    assert search.leaks == []
    assert leftovers(tmp_path) == []


def test_the_time_of_the_last_backup_is_a_metric(filled, tmp_path):
    def last_backup():
        text = filled.rest().request("GET", "/metrics").text
        return float(re.search(r"^agent_secrets_last_backup_timestamp_seconds (\S+)$", text, re.MULTILINE)[1])
    assert last_backup() == 0
    begun = time.time()
    back_up(filled, tmp_path / "secrets.backup")
    assert begun - 1 <= last_backup() <= time.time() + 1


def test_what_was_given_before_stays_and_ids_are_not_given_again(filled, tmp_path):
    """Values are bound to the ids of their sets."""
    file = back_up(filled, tmp_path / "secrets.backup")
    rest = filled.rest()
    assert rest.put_secrets("lost-secrets", A="1").status == 202
    lost = highest_set_id(filled, tmp_path)
    remove(filled)
    restore(filled, file)
    filled.start()
    assert rest.put_secrets("new-secrets", A="1").status == 202
    filled.wait_ready("new-secrets")
    assert highest_set_id(filled, tmp_path) > lost


def highest_set_id(control_plane, directory):
    """Read from a backup, which is SQLite whatever the control plane has."""
    folder = directory / secrets.token_hex(4)
    folder.mkdir()
    file = back_up(control_plane, folder / "backup")
    subprocess.run(["tar", "--extract", "--file", file, "--directory", folder], check=True)
    found = subprocess.run(["/usr/bin/python3", "-c", "import sqlite3, sys; print(sqlite3.connect(sys.argv[1])"
                            ".execute('SELECT max(id) FROM sets').fetchone()[0])", folder / "catalog.db"],
                           capture_output=True, text=True, check=True)
    return int(found.stdout)


# Damage


def test_a_flipped_byte_is_found(filled, tmp_path):
    """In each part of the file; archive_test.cc flips every byte."""
    content = bytearray(back_up(filled, tmp_path / "secrets.backup").read_bytes())
    damaged = tmp_path / "damaged.backup"
    with tarfile.open(tmp_path / "secrets.backup") as archive:
        parts = archive.getmembers()
    headers = [part.offset + place for part in parts for place in (0, 124, 511)]
    contents = [part.offset_data + place for part in parts for place in (0, part.size // 2, part.size - 1)]
    for offset in [*headers, *contents, len(content) - 1]:
        content[offset] ^= 0x10
        damaged.write_bytes(content)
        content[offset] ^= 0x10
        finished = verify_backup(damaged)
        assert finished.returncode == 1, offset
        assert "is damaged" in finished.stderr or "is not a backup" in finished.stderr
    damaged.write_bytes(content)
    assert verify_backup(damaged).returncode == 0


def test_a_damaged_backup_and_another_master_key_make_nothing(filled, tmp_path):
    file = back_up(filled, tmp_path / "secrets.backup")
    other = copy_of(filled, tmp_path / "other")
    damaged = tmp_path / "damaged.backup"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    assert_refused(restore(other, damaged, check=False), "is damaged")
    other.master_key_file.write_text(secrets.token_urlsafe(32) + "\n")
    assert_refused(restore(other, file, check=False), "was not made with this master key")
    assert_refused(verify_backup(file, "--master-key-file", other.master_key_file), "was not made with this master key")
    assert not other.data_dir.exists()


# What is refused, and what is interrupted


def test_a_place_that_holds_a_catalog_is_refused(filled, tmp_path):
    file = back_up(filled, tmp_path / "secrets.backup")
    assert_refused(restore(filled, file, check=False), "already holds a catalog")
    filled.stop()
    assert_refused(restore(filled, file, check=False), "already holds a catalog")
    filled.start()


def test_a_file_that_is_there_is_not_replaced(filled, tmp_path):
    file = tmp_path / "secrets.backup"
    file.write_text("mine")
    assert_refused(filled.run("backup", "create", str(file), check=False), "already exists")
    assert file.read_text() == "mine"


def test_a_backup_goes_through_a_pipe(filled, tmp_path):
    made = subprocess.run(filled.command("backup", "create", "-"), env=programs.clean_environment(),
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert made.returncode == 0, made.stderr
    file = tmp_path / "secrets.backup"
    file.write_bytes(made.stdout)
    assert verify_backup(file, "--master-key-file", filled.master_key_file).returncode == 0


def test_a_closed_pipe_is_an_error(filled):
    reader, writer = os.pipe()
    os.close(reader)
    made = subprocess.run(filled.command("backup", "create", "-"), env=programs.clean_environment(), stdout=writer,
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert_refused(made, "write standard output: broken pipe")


def test_a_full_disk_leaves_no_file(filled, tmp_path):
    with small_disk.mounted(tmp_path / "disk", mebibytes=2) as disk:
        for free_kib in (0, 64, 300, 500, 700, 900):
            (disk / "another-program").write_bytes(bytes(1024 * (2048 - free_kib)))
            made = filled.run("backup", "create", str(disk / "secrets.backup"), check=False)
            assert_refused(made, "\nhint: ")
            assert [path.name for path in disk.iterdir()] == ["another-program"], free_kib
        (disk / "another-program").unlink()
        back_up(filled, disk / "secrets.backup")


def test_a_backup_that_is_killed_leaves_no_file_of_that_name(filled, tmp_path):
    for number in range(8):
        file = tmp_path / f"{number}.backup"
        process = subprocess.Popen(filled.command("backup", "create", str(file)), env=programs.clean_environment(),
                                   stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.01 * 2 ** number)
        process.kill()
        process.wait()
        assert not file.exists() or verify_backup(file).returncode == 0
    assert filled.rest().org("GET", "secrets").status == 200


def test_a_restore_that_is_killed_leaves_no_catalog_and_can_be_run_again(filled, tmp_path):
    file = back_up(filled, tmp_path / "secrets.backup")
    remove(filled)
    kills, delay = 0, 0.005
    while True:
        process = subprocess.Popen(filled.command("restore", str(file)), stdin=subprocess.DEVNULL,
                                   env=programs.clean_environment(TMPDIR=tmp_path), stderr=subprocess.PIPE, text=True)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
        stderr = process.communicate()[1]
        if process.returncode == 0:
            break
        assert process.returncode == -9, stderr
        kills, delay = kills + 1, delay * 1.3
        listed = filled.run("region", "list", check=False)
        if listed.returncode == 0:
            break  # killed after the last step
        assert "holds no catalog" in listed.stderr or "no such file" in listed.stderr.lower(), listed.stderr
    assert kills >= 2
    filled.start()
    assert filled.rest().set_status("bot-secrets") == "ready"


# Regions with a database of their own


@pytest.mark.parametrize("survives", [True, False], ids=["the region's database is there", "it is lost too"])
def test_a_region_with_its_own_database_is_made_to_agree(tmp_path, survives):
    with empty_place("PostgreSQL") as regions:
        environment = {"AGENT_SECRETS_REGION_DATABASES": f"{EU}={regions}"}
        with ControlPlane(tmp_path / "first", environment=environment) as control_plane:
            control_plane.run("region", "add", EU)
            rest = control_plane.rest()
            body = {"secrets": [{"secretKey": "A", "secretValue": "1"}], "region": EU}
            wait_for(lambda: rest.org("PUT", "secrets/eu-secrets", body).status == 202, 20, "the region")
            control_plane.wait_ready("eu-secrets")
            assert rest.deploy("eu-bot", secretSet="eu-secrets", region=EU).status == 200
            credential = control_plane.issue_credential("eu-bot")
            made = control_plane.run("backup", "create", str(tmp_path / "secrets.backup"))
            assert f"region {EU} is in a database of its own and not in the backup" in made.stderr
            assert rest.redeploy("eu-bot", secretSet="eu-secrets").status == 200
            before = injected_environment(credential, tmp_path / "instance")
            assert before["A"] == b"1"
            remove(control_plane)
            if not survives:
                run_sql(regions, f'DROP SCHEMA "agent-secrets-region-{EU}" CASCADE')
            restore(control_plane, tmp_path / "secrets.backup")
            control_plane.start()
            wait_for(lambda: protocol.fetch_bundle(protocol.Credential.parse(credential)).status == 200, 30, "the region")
            assert injected_environment(credential, tmp_path / "instance")["A"] == b"1"
