"""What the control plane accepts into a secret set, a bot can be started with."""

import json
import re
import subprocess

import pytest

from support import programs
from support.control_plane import ControlPlane

PAGE = programs.ROOT / "docs" / "reserved-names.md"


def names_of_page():
    """An example of every reserved name: a pattern's '*' becomes a letter."""
    tables = PAGE.read_text().split("## Takes over the process")[1]
    return sorted({name.replace("*", "X") for row in re.findall(r"^\| .* \|$", tables, re.M)
                   for name in re.findall(r"`([^`]+)`", row)})


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("reserved") / "control-plane") as running:
        yield running


@pytest.fixture
def start(control_plane, tmp_path):
    """start(agent, *options): the injector's end; the bot prints its environment."""
    def run(agent, *options, action=()):
        credential = tmp_path / f"{agent}.credential"
        if not credential.exists():
            credential.write_text(control_plane.issue_credential(agent))
            credential.chmod(0o400)
        argv = [programs.injector_program(), *action, "--credential-file", credential, *options, "--",
                "/usr/bin/env"]
        return subprocess.run(argv, env=programs.clean_environment(), capture_output=True, text=True, timeout=30)
    return run


def allow(control_plane, name, *options):
    return control_plane.run("organization", "allow-name", name, *options)


def test_a_bot_starts_with_every_name_that_the_control_plane_accepts(control_plane, start):
    rest = control_plane.rest()
    names = names_of_page()
    assert len(names) > 300
    accepted = []
    for name in names:
        answer = rest.put_secrets("one-name", **{name: "v", "FREE": "v"})
        assert answer.status in (202, 400), answer.text
        if answer.status == 202:
            accepted.append(name)
            assert name in answer.body["warning"]
        else:
            assert f"{name} (" in answer.body["error"] and "allow-name" in answer.body["error"]
    assert {"ENV", "PORT", "HOME", "MALLOC_X", "HTTPS_PROXY"} <= set(accepted) < set(names)

    assert rest.put_secrets("all-names", FREE="v", **dict.fromkeys(accepted, "v")).status == 202
    control_plane.wait_ready("all-names")
    deployed = rest.deploy("all-names-bot", secretSet="all-names")
    assert deployed.status == 200 and "ENV (" in deployed.body["warning"]
    # The injector reads PATH and the proxies from the image, not from the set.
    ended = start("all-names-bot")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert {f"{name}=v" for name in accepted} <= set(ended.stdout.splitlines())


def test_check_names_what_the_image_or_the_platform_sets(control_plane, start):
    rest = control_plane.rest()
    rest.put_secrets("env-set", ENV="production", OPENAI_API_KEY="v")
    control_plane.wait_ready("env-set")
    assert rest.deploy("env-bot", secretSet="env-set").status == 200
    checked = start("env-bot", "--json", action=["check"])
    step = next(step for step in json.loads(checked.stdout)["steps"] if step["name"] == "environment")
    assert checked.returncode == 1 and step["status"] == "warning" and step["facts"]["of_image"] == ["ENV"]
    assert start("env-bot", "--json", "--allow", "ENV", action=["check"]).returncode == 0


def test_a_name_that_the_organization_allows_starts_where_the_injector_allows_it_too(control_plane, start):
    rest = control_plane.rest()
    assert rest.put_secrets("ca-set", SSL_CERT_FILE="/etc/ssl/acme.pem").status == 400
    assert rest.org("GET", "secrets/ca-set").status == 404
    allowed = allow(control_plane, "SSL_CERT_FILE")
    assert "secret-injector --allow SSL_CERT_FILE" in allowed.stderr
    listed = control_plane.run("organization", "allowed-names", "--json")
    assert json.loads(listed.stdout) == ["SSL_CERT_FILE"]

    assert rest.put_secrets("ca-set", SSL_CERT_FILE="/etc/ssl/acme.pem").status == 202
    control_plane.wait_ready("ca-set")
    assert "SSL_CERT_FILE (" in rest.org("GET", "secrets/ca-set").body["warning"]
    assert "--allow" in rest.deploy("ca-bot", secretSet="ca-set").body["warning"]
    refused = start("ca-bot")
    assert refused.returncode == 125 and "SSL_CERT_FILE (decides whom TLS trusts)" in refused.stderr
    assert "SSL_CERT_FILE=/etc/ssl/acme.pem" in start("ca-bot", "--allow", "SSL_CERT_FILE").stdout

    # The set from before keeps the name, and its other keys can be written.
    allow(control_plane, "SSL_CERT_FILE", "--remove")
    assert rest.put_secrets("ca-set", SSL_CERT_FILE="/etc/ssl/other.pem").status == 400
    assert rest.put_secrets("ca-set", OPENAI_API_KEY="v").status == 202
    assert rest.org("DELETE", "secrets/ca-set/SSL_CERT_FILE").status == 200
    assert "warning" not in rest.org("GET", "secrets/ca-set").body


def test_only_a_name_that_is_refused_can_be_allowed(control_plane):
    for name in ("OPENAI_API_KEY", "PORT", "ld_preload"):
        refused = control_plane.run("organization", "allow-name", name, check=False)
        assert refused.returncode == 1 and "needs no permission" in refused.stderr
    never = control_plane.run("organization", "allow-name", "IFS", "--remove", check=False)
    assert never.returncode == 1 and "not allowed" in never.stderr
