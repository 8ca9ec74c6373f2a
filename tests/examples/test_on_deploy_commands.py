"""The deploy commands that docs/OPERATIONS.md offers, run by /bin/sh with recording docker, kubectl and fly."""

import os
import re
import stat
import subprocess

import pytest
from support.programs import ROOT

EXAMPLES = ROOT / "examples"
PAGE = (ROOT / "docs" / "OPERATIONS.md").read_text()
COMMANDS = re.findall(r"^--on-deploy '(.*?)'$", PAGE, re.MULTILINE | re.DOTALL)
RECORDER = """#!/bin/sh
printf '%s\\0' "${0##*/}" "$@" "BOT_IMAGE=$BOT_IMAGE" >> "$RECORD"
"""


def facts(organization, agent, image="registry.example/bot:1"):
    name = f"{organization}--{agent}"
    told = {"EVENT": "deploy", "ORGANIZATION": organization, "AGENT": agent, "NAME": name, "IMAGE": image}
    return {f"AGENT_SECRETS_DEPLOY_{key}": value for key, value in told.items()}


def words(command, directory, told):
    """All arguments of what the command runs."""
    directory.mkdir()
    for program in ("docker", "kubectl", "fly"):
        path = directory / program
        path.write_text(RECORDER)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    record = directory / "record"
    environment = {"PATH": f"{directory}:{os.environ['PATH']}", "RECORD": str(record), **told}
    subprocess.run(["/bin/sh", "-c", command], env=environment, check=True, timeout=30)
    return record.read_text().rstrip("\0").split("\0")


def test_there_is_a_command_for_each_platform():
    assert [re.search("docker compose|kubectl|fly", command)[0] for command in COMMANDS] == [
        "docker compose", "kubectl", "fly"]


@pytest.mark.parametrize("command", COMMANDS, ids=["compose", "kubernetes", "fly"])
def test_two_organizations_with_an_agent_of_one_name_have_two_targets(command, tmp_path):
    one = words(command, tmp_path / "one", facts("acme", "bot"))
    other = words(command, tmp_path / "other", facts("beta", "bot"))
    assert any("acme--bot" in word for word in one) and any("beta--bot" in word for word in other)
    assert [word.replace("acme--bot", "beta--bot") for word in one] == other
    assert "deployment/bot" not in one


@pytest.mark.parametrize("command", COMMANDS, ids=["compose", "kubernetes", "fly"])
def test_every_fact_stays_one_word(command, tmp_path):
    image = "a b;touch $(pwd) *"
    told = words(command, tmp_path / "bin", facts("acme", "bot", image))
    assert any(word in (image, f"bot={image}", f"BOT_IMAGE={image}") for word in told)
    assert not {"a", "b;touch"} & set(told)


@pytest.mark.parametrize(
    "path", [*EXAMPLES.rglob("*.*"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"], ids=lambda path: path.name)
def test_no_example_names_its_target_by_the_agent_alone(path):
    if not path.is_file() or "__pycache__" in path.parts:
        return  # a folder, or a file that Python made
    text = path.read_text()
    assert not re.search(r"\$\{?AGENT_SECRETS_DEPLOY_AGENT", text)
    for fact in re.finditer(r"(.)\$AGENT_SECRETS_DEPLOY_[A-Z_]+", text):
        before = text[text.rfind("\n", 0, fact.start()) + 1:fact.end()]
        assert before.count('"') % 2 == 1, f"unquoted: {before}"


def test_the_examples_are_named_as_a_deploy_command_finds_them():
    assert "--project-name acme--tone-bot" in (EXAMPLES / "compose" / "compose.yaml").read_text()
    assert "  name: acme--tone-bot" in (EXAMPLES / "kubernetes" / "bot.yaml").read_text()
    assert 'app = "acme--tone-bot"' in (EXAMPLES / "fly" / "fly.toml").read_text()
