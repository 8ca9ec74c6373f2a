"""`--env-file` gives a program what python-dotenv gives it: the same random files go to both, and names and values are
compared. AGENT_SECRETS_ENV_FILES and AGENT_SECRETS_ENV_SEED choose the files: support/random_env_files.py."""

import concurrent.futures
import json
import subprocess

import pytest

from support import official_cli, programs, random_env_files, raw_exec
from support.random_env_files import COUNT

KNOWN = {"HOME": "/home/bot", "LANG": "C.UTF-8"}  # what the image has, for --expand

# load_dotenv() in a process with only KNOWN, without starting one for each file. "refused" is what os.environ refuses.
DRIVER = """
import json, os, pathlib, sys
from dotenv import load_dotenv
import logging
logging.disable()
known = json.loads(sys.argv[2])
out = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    for expand in (False, True):
        os.environ.clear()
        os.environ.update(known)
        try:
            load_dotenv(path, override=True, interpolate=expand)
            result = dict(os.environ)
        except (ValueError, OSError, UnicodeDecodeError):
            result = "refused"
        out[f"{path.name}{'+' if expand else ''}"] = result
json.dump(out, sys.stdout)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("files")
    random_env_files.write(directory)
    return directory


@pytest.fixture(scope="module")
def by_dotenv(files):
    """{file, or file+ with expansion: the environment, or "refused"}."""
    if not official_cli.installed():
        pytest.skip("python-dotenv comes with the official CLI; run script/bootstrap")
    python = official_cli.NEWEST.program.with_name("python")
    finished = subprocess.run([python, "-c", DRIVER, files, json.dumps(KNOWN)], capture_output=True, timeout=600)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def start(path, *options):
    """(the environment or "refused", stderr)."""
    line = [programs.injector_program(), *options, "--env-file", path, "--allow", ",".join(["LANG", "HOME"]),
            "/bin/cat", "/proc/self/environ"]
    finished = raw_exec.run(line, [f"{key}={text}".encode() for key, text in KNOWN.items()])
    errors = finished.stderr.decode()
    if finished.returncode == 125:
        return "refused", errors
    assert finished.returncode == 0, errors
    return dict(entry.split("=", 1) for entry in finished.stdout.decode().split("\0")[:-1]), errors


@pytest.fixture(scope="module")
def by_the_injector(files):
    def both(path):
        return [(path.name, start(path)), (path.name + "+", start(path, "--expand"))]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return dict(pair for pairs in pool.map(both, sorted(files.iterdir())) for pair in pairs)


def test_names_and_values_are_those_of_load_dotenv(files, by_dotenv, by_the_injector):
    assert len(by_dotenv) == 2 * COUNT
    wrong = [(name, (files / name.rstrip("+")).read_bytes(), expected, by_the_injector[name])
             for name, expected in by_dotenv.items() if by_the_injector[name][0] != expected]
    assert not wrong, f"{len(wrong)} of {len(by_dotenv)} differ, the first: {wrong[0]}"


def test_some_of_the_files_are_refused_and_most_are_not(by_dotenv):
    refused = sum(environment == "refused" for environment in by_dotenv.values())
    assert 0 < refused < len(by_dotenv) / 3


def test_quiet_warns_of_nothing(files):
    path = files / "of-its-own"
    path.write_bytes(b"A='x' # y\nB C\n")
    try:
        assert start(path, "-q")[1] == ""
        assert start(path)[1].count("warning secret-injector: ") == 2
    finally:
        path.unlink()
