"""Every key is rotated while instances fetch their values: no fetch fails, and nothing is left under an old key."""

import os
import signal
import subprocess
import time

import pytest

from support import programs, protocol
from support.control_plane import ControlPlane
from support.instance import injected_environment
from support.region_node import RegionNode
from support.replicas import Replicas, served
from support.rotation import Fetches, keys, rows_under
from support.wait import wait_for

def deploy(control_plane, agent="bot"):
    rest = control_plane.rest()
    assert rest.put_secrets("set1", GREETING="hello").status == 202
    control_plane.wait_ready("set1", 30)
    assert rest.deploy(agent, secretSet="set1").status == 200
    return control_plane.issue_credential(agent)


def ids(control_plane, purpose):
    return {row["key"] for row in keys(control_plane)[purpose]}


def rotate_master_key(control_plane):
    new = control_plane.directory / "new.key"
    control_plane.run("rotate", "master-key", "--new-master-key-file", new)
    os.rename(new, control_plane.master_key_file)


def write_more(control_plane, count):
    """Sets with many values, so that a rotation takes a while."""
    for number in range(count):
        pairs = {f"K{key}": "v" * 1000 for key in range(100)}
        assert control_plane.rest().put_secrets(f"more{number}", **pairs).status == 202
    for number in range(count):
        control_plane.wait_ready(f"more{number}", 60)


@pytest.fixture(params=["data directory", "two servers"])
def control_plane(request, tmp_path):
    if request.param == "two servers":
        if not os.environ.get("AGENT_SECRETS_TEST_POSTGRESQL"):
            pytest.skip("no PostgreSQL server")
        made = Replicas(tmp_path / "cp", 2)
    else:
        made = ControlPlane(tmp_path / "cp")
    with made:
        yield made


def test_a_server_writes_after_both_rotations_before_it_has_the_new_master_key(control_plane):
    """It was idle, and has loaded the new data key before the master key was rotated."""
    deploy(control_plane)
    control_plane.run("rotate", "data-keys", timeout=120)
    control_plane.run("rotate", "master-key", "--new-master-key-file", control_plane.directory / "new.key")
    answer = control_plane.rest().put_secrets("set1", GREETING="goodbye")
    assert answer.status == 202, answer


def test_every_key_is_rotated_under_load_without_a_failed_fetch(control_plane, tmp_path):
    text = deploy(control_plane)
    write_more(control_plane, 2)
    before = keys(control_plane)
    with Fetches(protocol.Credential.parse(text)) as load:
        load.wait_for_more()
        for rotate in (
            lambda: control_plane.run("rotate", "data-keys", timeout=120),
            lambda: control_plane.run("rotate", "signing-keys", "--region", "us-west"),
            lambda: rotate_master_key(control_plane),
            # Once more, with the new master key: the servers have to find it.
            lambda: control_plane.run("rotate", "data-keys", timeout=120),
            lambda: control_plane.run("rotate", "signing-keys", "--region", "us-west"),
            lambda: control_plane.run("rotate", "signing-keys", "--region", "us-west"),
        ):
            rotate()
            time.sleep(1.5)  # the servers follow within about a second
            load.wait_for_more()
    assert load.faults == []
    after = keys(control_plane)
    for purpose in ("catalog", "region:us-west"):
        assert [row["state"] for row in after[purpose]] == ["active"]
        assert after[purpose][0]["key"] != before[purpose][0]["key"]
        assert after[purpose][0]["rows"] > 0
    assert set(rows_under(control_plane)) == {after[purpose][0]["key"] for purpose in ("catalog", "region:us-west")}
    assert [row["state"] for row in after["signing:us-west"]] == ["active", "standby"]
    assert not ids(control_plane, "signing:us-west") & {row["key"] for row in before["signing:us-west"]}
    # The credential is older than three rotations of signing keys.
    assert injected_environment(text, tmp_path)["GREETING"] == b"hello"
    assert control_plane.rest().put_secrets("set2", A="1").status == 202
    control_plane.wait_ready("set2", 30)
    print(f"{load.done} fetches, the slowest took {load.slowest:.2f} s")


def test_a_rotation_of_data_keys_that_is_killed_again_and_again_ends(control_plane):
    text = deploy(control_plane)
    write_more(control_plane, 3)
    old = ids(control_plane, "catalog") | ids(control_plane, "region:us-west")
    killed = 0
    with Fetches(protocol.Credential.parse(text)) as load:
        for attempt in range(60):
            process = subprocess.Popen(control_plane.command("rotate", "data-keys"), env=programs.clean_environment(),
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                _, errors = process.communicate(timeout=0.004 * 1.15 ** attempt)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                killed += 1
                continue
            assert process.returncode == 0, errors
            break
        load.wait_for_more()
    assert load.faults == []
    assert killed > 0
    after = keys(control_plane)
    # A rotation of one part may have been finished by a run that was killed in the next part.
    for purpose in ("catalog", "region:us-west"):
        assert [row["state"] for row in after[purpose]] == ["active"]
    assert not old & {after[purpose][0]["key"] for purpose in ("catalog", "region:us-west")}


def test_servers_start_one_after_the_other_with_the_new_and_the_previous_master_key(tmp_path):
    if not os.environ.get("AGENT_SECRETS_TEST_POSTGRESQL"):
        pytest.skip("no PostgreSQL server")
    with Replicas(tmp_path / "cp", 2) as control_plane:
        text = deploy(control_plane)
        credential = protocol.Credential.parse(text)
        old, new = control_plane.master_key_file, tmp_path / "new.key"
        with ControlPlane(tmp_path / "another") as another:  # makes a key
            os.rename(another.master_key_file, new)
        first, second = control_plane.servers
        with Fetches(credential, second.url) as load:
            first.stop()
            first.master_key_file = new
            first.serve_options = ["--previous-master-key-file", old]
            first.start()
            load.wait_for_more()  # of the server that has the old key alone
        assert load.faults == []
        assert served(credential, first.url) == {"GREETING": "hello"}
        second.stop()
        refused = second.run("serve", "--listen=127.0.0.1:0", check=False)
        assert refused.returncode == 1
        assert "the master key does not open key" in refused.stderr
        assert "--previous-master-key-file" in refused.stderr
        second.master_key_file = new
        second.start()
        assert served(credential, second.url) == {"GREETING": "hello"}
        first.serve_options = []
        first.restart()
        assert served(credential, first.url) == {"GREETING": "hello"}


def test_a_region_node_follows_rotations_by_its_file(database, tmp_path):
    with ControlPlane(tmp_path / "cp", database=database) as control_plane:
        text = deploy(control_plane)
        credential = protocol.Credential.parse(text)
        exported = tmp_path / "keys" / "us-west.keys"
        exported.parent.mkdir()
        control_plane.run("region", "export-keys", "us-west", exported)

        def export_again():
            written = tmp_path / "keys" / "new.keys"
            control_plane.run("region", "export-keys", "us-west", written)
            os.rename(written, exported)

        place = ("--region-database", f"us-west={database}")
        node = RegionNode(tmp_path / "node", "us-west", exported, place)
        node.public_url = control_plane.url
        with node:
            wait_for(lambda: served(credential, node.url), 30, "the node")
            with Fetches(credential, node.url) as load:
                refused = control_plane.run("rotate", "data-keys", "--region", "us-west", check=False)
                assert refused.returncode == 1 and "export-keys us-west" in refused.stderr
                export_again()
                control_plane.run("rotate", "data-keys", "--region", "us-west", "--nodes-have-keys")
                load.wait_for_more()
                control_plane.run("rotate", "signing-keys", "--region", "us-west")
                load.wait_for_more()  # by the old key
                export_again()
                node.process.send_signal(signal.SIGHUP)
                time.sleep(1)
                load.wait_for_more()
            assert load.faults == []
            fresh = protocol.Credential.parse(control_plane.issue_credential("bot"))
            assert wait_for(lambda: served(fresh, node.url), 30, "the new credential") == {"GREETING": "hello"}
        assert [row["state"] for row in keys(control_plane)["region:us-west"]] == ["active"]


def test_the_master_key_can_come_from_a_command(tmp_path):
    with ControlPlane(tmp_path / "cp") as control_plane:
        command = f"cat {control_plane.master_key_file}"
        place = control_plane.command("token", "list")[:-2]  # without --master-key-file FILE
        listed = subprocess.run([*place, "--master-key-command", command], env=programs.clean_environment(),
                                capture_output=True, text=True, timeout=30)
        assert listed.returncode == 0, listed.stderr
        failed = subprocess.run([*place, "--master-key-command", "echo canary; echo no access >&2; exit 5"],
                                env=programs.clean_environment(), capture_output=True, text=True, timeout=30)
        assert failed.returncode == 1
        assert "master key: the command failed with exit code 5: no access" in failed.stderr
        assert "canary" not in failed.stderr
