"""script/with-postgresql: the server is there for the command, and gone after it."""

import os
import pathlib
import signal
import subprocess

import pytest

from support.programs import ROOT
from support.wait import wait_for


def run(command):
    return subprocess.run(
        [ROOT / "script/with-postgresql", "sh", "-c", command], capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def shown():
    """What a command sees: the URL, and the server's socket in its directory."""
    finished = run('echo "$AGENT_SECRETS_TEST_POSTGRESQL"; ls -a "${AGENT_SECRETS_TEST_POSTGRESQL#*host=}"; exit 7')
    if "not installed" in finished.stderr:
        pytest.skip("PostgreSQL is not installed")
    return finished


def test_the_command_finds_a_server_on_a_socket(shown):
    assert shown.stdout.startswith("postgresql://agent_secrets@/postgres?host=/"), shown.stderr
    assert ".s.PGSQL.5432" in shown.stdout.split()


def test_the_status_of_the_command_is_kept(shown):
    assert shown.returncode == 7


def test_the_server_and_its_directory_are_gone_afterwards(shown):
    directory = shown.stdout.splitlines()[0].partition("host=")[2]
    assert directory and not pathlib.Path(directory).exists()
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert directory not in processes


def test_the_server_ends_when_the_script_is_killed(shown):
    script = subprocess.Popen([ROOT / "script/with-postgresql", "sh", "-c",
                               'echo "$AGENT_SECRETS_TEST_POSTGRESQL"; exec sleep 120'],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
    directory = pathlib.Path(script.stdout.readline().strip().partition("host=")[2])
    try:
        assert (directory / ".s.PGSQL.5432").exists()
        script.kill()
        wait_for(lambda: not directory.exists(), 60, "the server's end", 0.1)
    finally:
        os.killpg(script.pid, signal.SIGKILL)  # the command, which still runs after the script was killed
        script.wait()
        script.stdout.close()
