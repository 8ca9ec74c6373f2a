"""docs/compatibility.md says of every command and route what happens here, and which test proves it: no command
or route without a row, no row without a test, no test that is not there."""

import ast
import functools
import json
import re
import subprocess

import pytest

from support.official_cli import NEWEST, OLDER
from support.programs import ROOT

# Runs in the CLI's own interpreter: the paths of all commands, as a JSON array.
WALK = """
import json, typer
from pipecatcloud.cli.entry_point import entrypoint_cli_typer

def walk(command, path):
    children = getattr(command, "commands", None)
    if children is None:
        return [" ".join(path)]
    return [found for name, child in children.items() for found in walk(child, (*path, name))]

print(json.dumps(walk(typer.main.get_command(entrypoint_cli_typer), ())))
"""
PROOF = re.compile(r"(\w+\.py)::(\w+)")


@functools.cache
def commands(release):
    if not release.installed():
        pytest.skip(f"the official CLI {release} is not installed; run script/bootstrap")
    python = release.program.with_name("python")
    finished = subprocess.run([python, "-c", WALK], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(finished.stdout.splitlines()[-1])


def tables():
    """By heading, the rows below it that are proved by something: cells without the header's."""
    found, heading, proved = {}, "", False
    for line in (ROOT / "docs" / "compatibility.md").read_text().splitlines():
        if line.startswith("#"):
            heading = line.strip("# ")
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("|"):
            proved = False
        elif cells[-1].strip("| ") == "proved by":
            proved = True
        elif proved and not line.startswith("|---"):
            found.setdefault(heading, []).append(cells)
    return found


def named(row):
    """`secrets set` of the cell "`secrets set` …"."""
    return re.match(r"`([^`]+)`", row[0]).group(1)


def test_every_row_names_a_test_that_is_there():
    files = {path.name: path for path in (ROOT / "tests").rglob("test_*.py")}
    functions = {
        name: {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
        for name, path in files.items()
    }
    rows = [row for table in tables().values() for row in table]
    assert len(rows) > 100
    for row in rows:
        proofs = PROOF.findall(row[-1])
        assert proofs, f"no test in the row of {row[0]}"
        for file, function in proofs:
            assert function in functions.get(file, ()), f"{file}::{function} is not there"


@pytest.mark.parametrize("release", [NEWEST, OLDER], ids=str)
def test_every_command_of_the_cli_has_a_row(release):
    rows = {named(row) for row in tables()["Commands"]}
    assert set(commands(release)) - rows == set()


def test_every_row_is_a_command_of_some_release():
    known = set(commands(NEWEST)) | set(commands(OLDER))
    for row in tables()["Commands"]:
        assert any(f"{named(row)} ".startswith(f"{command} ") for command in known), row[0]


def test_a_row_says_which_release_lacks_its_command():
    newest, older = set(commands(NEWEST)), set(commands(OLDER))
    for row in tables()["Commands"]:
        if named(row) in newest - older:
            assert row[1].startswith("1.4.0. "), row
        elif named(row) in older - newest:
            assert row[1].startswith("0.6.0: "), row


def test_every_route_has_a_row_and_every_row_a_route(rest):
    """The document that is served has them all: a unit test holds it to the router."""
    paths = rest.request("GET", "/openapi.json").body["paths"]
    served = {f"{method.upper()} {path}" for path, operations in paths.items() for method in operations}
    assert {named(row).replace("...}", "}") for row in tables()["Routes"]} == served


def test_no_route_has_two_rows():
    routes = [named(row) for row in tables()["Routes"]]
    assert len(set(routes)) == len(routes)
    assert all(re.fullmatch(r"(GET|PUT|POST|PATCH|DELETE|OPTIONS) /[\w/{}.-]*", route) for route in routes)
