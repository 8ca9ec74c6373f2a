"""Many write one set at the same time. What was acknowledged is there, whoever else wrote, and an instance that
starts meanwhile is given one version, whole."""

import concurrent.futures
import itertools
import multiprocessing
import os
import threading

import pytest

from support import official_cli, protocol
from support.rest import Rest

PROCESSES = 10
SETS = 100  # each a "secrets set" of its own
# The CLI takes most of a second of a processor to start: in the usual run only so many of them.
BY_CLI = int(os.environ.get("AGENT_SECRETS_CLI_WRITERS", "20"))


def secrets_set(url, token, organization, number):
    """What `secrets set shared KEY=… PAIR_A=… PAIR_B=…` sends: a look, and one PUT a key. [(key, value, status)]

    The pair is written by everybody, in one array, with equal values: a version that has two different ones
    was made of two writes."""
    rest = Rest(url, token, organization)
    statuses = [("", "", rest.org("GET", "secrets/shared").status)]
    key, value = f"KEY_{number}", f"value {number}"
    body = {"name": "shared", "isImagePullSecret": False, "secretKey": key, "secretValue": value}
    statuses.append((key, value, rest.org("PUT", "secrets/shared", body).status))
    pair = rest.put_secrets("shared", PAIR_A=value, PAIR_B=value)
    statuses.append(("", "", pair.status))
    return statuses


class Starts:
    """Deploys the newest version and starts an instance with it, again and again, until the block is left."""

    def __init__(self, control_plane, credential):
        self._rest = control_plane.rest()
        self._credential = credential
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.bundles = []  # (version, environment)
        self.statuses = set()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()

    def _run(self):
        while not self._done.is_set():
            self.statuses.add(self._rest.redeploy("bot", secretSet="shared").status)
            answer = protocol.fetch_bundle(self._credential)
            self.statuses.add(answer.status)
            if answer.status == 200:
                compact = answer.body.decode()
                version = protocol.verify_bundle(self._credential, compact)["sets"][0]["version"]
                self.bundles.append((version, protocol.open_bundle(self._credential, compact)))


@pytest.fixture
def credential(control_plane, rest):
    """Of "bot", bound to "shared", which has a pair."""
    rest.put_secrets("shared", PAIR_A="value", PAIR_B="value")
    control_plane.wait_ready("shared")
    assert rest.deploy("bot", secretSet="shared").status == 200
    return protocol.Credential.parse(control_plane.issue_credential("bot"))


def served(control_plane, credential):
    """(version, environment) once all is provisioned and deployed."""
    control_plane.wait_ready("shared", timeout=20)
    assert control_plane.rest().redeploy("bot", secretSet="shared").status == 200
    compact = protocol.fetch_bundle(credential).body.decode()
    version = protocol.verify_bundle(credential, compact)["sets"][0]["version"]
    return version, protocol.open_bundle(credential, compact)


def test_100_sets_from_10_processes_lose_no_acknowledged_key(control_plane, credential):
    arguments = [(control_plane.url, control_plane.token, control_plane.organization, number)
                 for number in range(SETS)]
    with Starts(control_plane, credential) as starts, multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        answers = list(itertools.chain.from_iterable(pool.starmap(secrets_set, arguments, chunksize=1)))
    assert {status for _, _, status in answers} <= {200, 202, 409}
    acknowledged = {key: value for key, value, status in answers if key and status == 202}
    assert len(acknowledged) == SETS
    version, environment = served(control_plane, credential)
    assert {key: environment[key.encode()].decode() for key in acknowledged} == acknowledged
    # Every accepted change is a version: one of each key, and at most one of each pair.
    assert SETS + 1 < version <= 2 * SETS + 1
    check_starts(starts)
    assert "error" not in {line["level"] for line in control_plane.log_lines()}


def check_starts(starts):
    """Versions were whole, went up only, and nobody saw an error of the server."""
    assert starts.statuses <= {200, 409}
    versions = [version for version, _ in starts.bundles]
    assert versions == sorted(versions) and len(versions) > 3
    for _, environment in starts.bundles:
        assert environment[b"PAIR_A"] == environment[b"PAIR_B"]
    for (older, before), (newer, after) in itertools.pairwise(starts.bundles):
        assert older <= newer and before.keys() <= after.keys()
        assert older < newer or before == after


def test_the_official_cli_run_many_times_at_once_loses_no_key(control_plane, credential, tmp_path):
    if not official_cli.installed():
        pytest.skip("the official CLI is not installed; run script/bootstrap")

    def write(number):
        cli = official_cli.OfficialCli(control_plane.url, control_plane.token, control_plane.organization,
                                       tmp_path / f"home-{number}")
        return cli.run("secrets", "set", "shared", f"KEY_{number}=value {number}", "--skip")

    with Starts(control_plane, credential) as starts, concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        finished = list(pool.map(write, range(BY_CLI)))
    assert [each.stdout for each in finished if each.returncode != 0] == []
    _, environment = served(control_plane, credential)
    assert {environment[f"KEY_{number}".encode()] for number in range(BY_CLI)} == {
        f"value {number}".encode() for number in range(BY_CLI)}
    check_starts(starts)
