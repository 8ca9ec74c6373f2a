"""A full disk: an organization fills it over REST, and what ends somebody's rights still works.

Real programs on a small tmpfs, which needs root.
"""

import concurrent.futures
import json
import os
import subprocess

import pytest

from support.control_plane import ControlPlane
from support.instance import run_injector
from support.small_disk import mounted, take_all_room


@pytest.fixture
def small_disk(tmp_path):
    with mounted(tmp_path / "small", mebibytes=24) as path:
        yield path


class FullDisk:
    """A served organization with an agent and spare tokens, keys and sets, whose disk its own member then fills."""

    def __init__(self, directory, disk):
        self.control_plane = ControlPlane(directory, serve_options=["--audit-bundles", "best-effort"])
        self.control_plane.data_dir = disk / "data"  # its log has another disk

    def __enter__(self):
        self.control_plane.__enter__()
        run = self.control_plane.run
        self.rest = self.control_plane.rest()
        self.tokens = {name: run("token", "create", name).stdout.strip() for name in ("stolen", "late")}
        assert self.rest.put_secrets("bot-secrets", KEY="value").status == 202
        assert self.rest.put_secrets("spare", KEY="value").status == 202
        for name in ("bot-secrets", "spare"):
            self.control_plane.wait_ready(name)
        self.rest.deploy("bot", secretSet="bot-secrets")
        self.rest.deploy("leaving")
        self.credentials = [self.control_plane.issue_credential("bot") for _ in range(2)]
        self.kids = [entry["kid"] for entry in json.loads(run("credential", "list", "bot", "--json").stdout)]
        self.public_key = self.rest.org("POST", "apiKeys", {"name": "page", "type": "public"}).body
        return self

    def __exit__(self, *_):
        self.control_plane.__exit__()

    @property
    def data(self):
        return self.control_plane.data_dir

    def write(self, number, size=150_000):
        return self.rest.put_secrets(f"filler-{number}", **{f"KEY_{part}": "x" * (size // 5) for part in range(5)})

    def fill(self):
        """Until nothing fits any more: a large write that is refused leaves room for smaller ones."""
        number = 0
        for size in (150_000, 20_000, 50):
            refused = 0
            while refused < 3:
                number += 1
                refused = 0 if self.write(number, size).status == 202 else refused + 1
                assert number < 5000, "the disk did not fill up"


def start(credential, tmp_path):
    """A start of an instance: its exit code and what the injector says."""
    where = ("--cache-dir", tmp_path / "cache", "--state-dir", tmp_path / "state", "--timeout", "3")
    finished = run_injector(credential, "/bin/true", options=where)
    return finished.returncode, finished.stderr


@pytest.fixture
def full_disk(small_disk, tmp_path):
    with FullDisk(tmp_path / "control-plane", small_disk) as full:
        full.fill()
        yield full


def test_a_write_on_a_full_disk_is_a_507_that_says_what_still_works(full_disk):
    answer = full_disk.write(0)
    assert answer.status == 507
    assert answer.body["code"] == "507" and "disk is full" in answer.body["error"]
    by_key = full_disk.rest.request("PUT", "/v1/secrets/spare", {"secretKey": "KEY", "secretValue": "x" * 100_000})
    assert by_key.body["code"] == "INSUFFICIENT_STORAGE"
    assert full_disk.rest.org("GET", "secrets/bot-secrets").status == 200


def test_on_a_full_disk_what_ends_rights_takes_effect_at_the_next_request(full_disk, tmp_path):
    run, rest = full_disk.control_plane.run, full_disk.rest
    stolen = full_disk.control_plane.rest(full_disk.tokens["stolen"])
    assert stolen.org("GET", "secrets").status == 200
    assert start(full_disk.credentials[0], tmp_path)[0] == 0

    run("token", "revoke", "stolen")
    assert stolen.org("GET", "secrets").status == 401

    run("credential", "revoke", "bot", full_disk.kids[0])
    code, stderr = start(full_disk.credentials[0], tmp_path)
    assert code != 0 and "revoked" in stderr
    assert start(full_disk.credentials[1], tmp_path)[0] == 0

    assert rest.org("DELETE", "secrets/spare").status == 200
    assert rest.org("GET", "secrets/spare").status == 404

    assert rest.org("DELETE", f"apiKeys/{full_disk.public_key['id']}").status == 200
    assert rest.org("GET", "apiKeys").body["public"][0]["revoked"] is True

    assert rest.org("DELETE", "services/leaving").status == 200
    assert rest.org("GET", "services/leaving").status == 404


def test_on_a_full_disk_a_bundle_without_its_audit_record_is_not_handed_out(full_disk, tmp_path):
    full_disk.control_plane.serve_options.clear()
    full_disk.control_plane.restart()
    take_all_room(full_disk.data.parent)
    # Some records still fit into the files that are there.
    for _ in range(200):
        code, stderr = start(full_disk.credentials[0], tmp_path)
        if code != 0:
            break
    assert code != 0 and "503" in stderr
    assert full_disk.control_plane.logged("bundle refused: its audit record cannot be written")


def test_a_server_and_a_revocation_without_one_start_on_a_full_disk(full_disk, tmp_path):
    full_disk.control_plane.stop()
    take_all_room(full_disk.data.parent)
    full_disk.control_plane.run("token", "revoke", "stolen")
    full_disk.control_plane.start()
    assert full_disk.control_plane.rest(full_disk.tokens["stolen"]).org("GET", "secrets").status == 401
    assert start(full_disk.credentials[0], tmp_path)[0] == 0
    assert full_disk.rest.org("DELETE", "secrets/spare").status == 200


def test_the_reserve_is_left_to_revocations_and_filled_again_when_space_is_back(full_disk):
    run, rest = full_disk.control_plane.run, full_disk.rest
    reserve = full_disk.data / "reserve"
    whole = reserve.stat().st_size
    assert whole > 1_000_000
    full_disk.control_plane.stop()
    filler = take_all_room(full_disk.data.parent)
    run("token", "revoke", "stolen")
    full_disk.control_plane.start()
    assert reserve.stat().st_size == 0

    # Half a megabyte is left: room for this one, and it is not used.
    facts = os.statvfs(full_disk.data.parent)
    with open(filler, "ab") as file:
        file.write(b"\0" * (facts.f_bavail * facts.f_frsize - 500_000))
    assert rest.put_secrets("spare", SMALL="1").status == 507
    beside = full_disk.data.parent / "beside"
    with concurrent.futures.ThreadPoolExecutor() as pool:
        refused = [pool.submit(rest.put_secrets, "spare", SMALL="1") for _ in range(40)]
        while not all(write.done() for write in refused):
            beside.write_bytes(b"\0" * 300_000)  # which a refused write never takes, not for a moment
    assert {write.result().status for write in refused} == {507}
    beside.unlink()
    command = run("token", "create", "another", check=False)
    assert command.returncode == 1 and "only revocations and deletions" in command.stderr
    run("token", "revoke", "late")

    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=80m", full_disk.data.parent], check=True)
    assert rest.put_secrets("spare", SMALL="1").status == 202
    assert reserve.stat().st_size == whole
    full_disk.control_plane.wait_ready("spare", timeout=30)
