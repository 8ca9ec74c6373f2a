"""The commands that the page shows do what the page does."""

import shlex

import pytest

from support import official_cli
from support.browser import wait_for


def command(browser, start):
    return wait_for(lambda: browser.script(
        "return [...document.querySelectorAll('.command code')].map(e => e.textContent).find(t => t.startsWith(arguments[0]))", start),
        what=f"the command {start}")


def scaling(world, agent):
    return world.rest.org("GET", f"services/{agent}").body["body"]["autoScaling"]


def test_the_command_of_a_deploy_works_and_keeps_the_scaling(member, world, tmp_path):
    if not official_cli.installed():
        pytest.skip("the official CLI is not installed; run script/bootstrap")
    world.write("cli-keys", A="1")
    assert world.rest.deploy("cli-bot", secretSet="cli-keys", autoScaling={"minAgents": 2, "maxAgents": 7}).status == 200
    world.write("cli-keys", A="2")
    member.open("sets/cli-keys")
    shown = shlex.split(command(member, "pipecat cloud deploy cli-bot"))
    member.open("agents/cli-bot")
    assert shlex.split(command(member, "pipecat cloud deploy cli-bot")) == shown
    assert shown[-2:] == ["--organization", "acme"]
    cli = official_cli.OfficialCli(world.url, world.tokens["member"], None, tmp_path / "home")
    cli.environment["SSL_CERT_FILE"] = str(world.control_plane.tls.ca)
    cli.succeeds(*shown[2:])
    assert scaling(world, "cli-bot") == {"minReplicas": 2, "maxReplicas": 7}
    agents = world.rest.org("GET", "fleet").body["agents"]
    assert next(each for each in agents if each["agent"] == "cli-bot")["sets"][0]["version"] == 2


def test_another_image_has_a_command_of_its_own(member):
    member.open("agents/support-bot")
    member.field("Another image").send_keys("registry.example.com/other:3")
    assert "--no-credentials" in command(member, "pipecat cloud deploy support-bot registry.example.com/other:3")


def test_a_command_with_a_word_to_replace_cannot_be_copied(member):
    member.open("sets/support-keys")
    copied = member.script("return [...document.querySelectorAll('.command .copy')].map(e => e.parentElement.textContent)")
    assert copied and not [each for each in copied if "…" in each]
    assert "--organization acme" in command(member, "secret-control-plane set status")


def test_a_new_set_with_the_name_of_another_is_not_written(member):
    member.open("sets")
    member.press("New set")
    member.field("Name").send_keys("support-keys")
    member.wait_text("This set exists: open it")
    assert not member.script("return document.querySelector('section[aria-label=\"New secret set\"] textarea')")
