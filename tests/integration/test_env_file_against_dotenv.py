"""`--env-file` gives a program what python-dotenv gives it: the same random files go to both, and names and values are
compared. So are the keys of the warning with those that the official CLI would store otherwise.

AGENT_SECRETS_ENV_FILES=10000 tests that many files, AGENT_SECRETS_ENV_SEED=N others than the usual."""

import concurrent.futures
import json
import os
import random
import re
import subprocess

import pytest

from support import official_cli, programs, raw_exec

COUNT = int(os.environ.get("AGENT_SECRETS_ENV_FILES", "300"))
SEED = int(os.environ.get("AGENT_SECRETS_ENV_SEED", "1"))
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

KEYS = ["A", "B", "KEY", "lower", "A_B", "A-B", "A.B", "1ST", "K" * 65, "\u00e9", "export", "exportX", "'A B'", "'A'",
        "'x=y'", "''", "A B", "$A", "\"A\"", ""]
BETWEEN = ["", "", "", " ", "  ", "\t", "\u00a0", "\u2028", "\x0b", "\x1f", "\x85"]
PIECES = ["a", "b c", "1", "#", " #", "\t# x", "=", "'", '"', "\\", "\\n", "\\'", '\\"', "\\\\", "\\q", "$", "${A}",
          "${B:-d}", "${KEY:-${A}}", "${HOME}", "${A", "}", "${}", "${A:B}", "\u00e9", "\U0001f511", "\u00a0", "\u2028",
          "\x0c", "\x1c", " ", "\t", "export ", "\ufeff"]
ENDS = ["\n", "\n", "\n", "\r\n", "\r", "\n\n", "\n \n", "", " "]


def value(chance):
    body = "".join(chance.choices(PIECES, k=chance.randrange(5)))
    match chance.randrange(6):
        case 0 | 1:
            return body
        case 2:
            return f"'{body.replace(chr(39), '')}'"
        case 3:
            return f'"{body.replace(chr(34), "")}"'
        case 4:
            quote = chance.choice("'\"")
            return quote + body.replace(quote, "") + chance.choice(ENDS) + "more=1" + quote
        case _:
            return ""


def statement(chance):
    export = chance.choice(["", "", "", "export ", "export\t"])
    key = chance.choice(KEYS[:5] if chance.random() < 0.7 else KEYS)
    equals = chance.choice(["=", "=", "=", "=", "=", "==", ""])
    comment = chance.choice(["", "", "", " # note", "#note", " x"])
    spaces = chance.choices(BETWEEN, k=4)
    return spaces[0] + export + key + spaces[1] + equals + spaces[2] + value(chance) + spaces[3] + comment


def random_file(number):
    chance = random.Random(f"{SEED}:{number}")
    text = "\ufeff" if chance.random() < 0.05 else ""
    for _ in range(chance.randrange(1, 7)):
        text += "# note" if chance.random() < 0.1 else statement(chance)
        text += chance.choice(ENDS)
    content = text.encode()
    if chance.random() < 0.01:
        content += chance.choice([b"\xff", b"Z=\0"])
    return content


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("files")
    for number in range(COUNT):
        (directory / f"{number:05}").write_bytes(random_file(number))
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


def stored_by_the_cli(content):
    """What `secrets set --file` reads, line by line, without the lines that it or the control plane refuses."""
    pairs = {}
    for line in re.split("\r\n|\r|\n", content.decode()):
        line = line.strip()
        if not line or line.startswith("#") or "=" not in line:
            continue
        key, text = (part.strip() for part in line.split("=", 1))
        if text.startswith('"') and text.endswith('"'):
            text = text[1:-1]
        if text and re.fullmatch("[A-Za-z0-9_-]{1,64}", key):
            pairs[key] = text
    return pairs


def test_the_warning_names_exactly_the_keys_that_the_cli_would_store_otherwise(files, by_dotenv, by_the_injector):
    for path in sorted(files.iterdir()):
        environment, errors = by_the_injector[path.name]
        if environment == "refused":
            continue
        stored = stored_by_the_cli(path.read_bytes())
        expected = {key for key, text in environment.items() if key not in KNOWN and stored.get(key) != text}
        named = re.search(r'would store other values from this file keys="?(.*?)"? hint=', errors)
        found = set(re.sub(r"\\(.)", r"\1", named[1]).split(", ")) if named else set()
        assert len(found) == len(expected), (path.read_bytes(), found, expected)
        assert {key for key in expected if key.isascii() and key.isprintable()} <= found, (path.read_bytes(), found)


def test_quiet_warns_of_nothing(files):
    path = files / "of-its-own"
    path.write_bytes(b"A='x' # y\nB C\n")
    try:
        assert start(path, "-q")[1] == ""
        assert start(path)[1].count("warning secret-injector: ") == 2
    finally:
        path.unlink()
