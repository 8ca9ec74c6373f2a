"""Users, organizations and keys, as the official CLI and scripts use them."""

import json
import re

import pytest

from support import canary
from support.official_cli import ENTER, OfficialCli


@pytest.fixture
def ana_token(control_plane):
    """Of the user ana, who is a member of the organizations acme and beta."""
    control_plane.run("organization", "add", "beta", "--display-name", "Beta GmbH")
    control_plane.run("user", "add", "ana", "--email", "ana@example.com")
    control_plane.run("member", "add", "ana", "--organization", "acme")
    control_plane.run("member", "add", "ana", "--organization", "beta", "--role", "admin")
    return control_plane.run("token", "create", "laptop", "--user", "ana").stdout.strip()


@pytest.fixture
def ana(cli, proxy, ana_token, tmp_path):
    """The CLI as ana uses it, who has chosen no organization."""
    return OfficialCli(proxy.url, ana_token, None, tmp_path / "ana")


def test_whoami_shows_a_user_by_the_address(ana):
    output = ana.succeeds("auth", "whoami")
    assert "ana@example.com" in output and "acme" in output and "PAT" in output


def test_a_user_works_in_the_organization_that_is_selected(ana, proxy):
    listing = ana.succeeds("organizations", "list").splitlines()
    assert [line.split("\t")[:2] for line in listing[-2:]] == [["acme", "acme"], ["Beta GmbH", "beta"]]
    assert "organization set to Beta GmbH" in ana.succeeds("organizations", "select", "-o", "beta")
    proxy.forget()
    ana.succeeds("secrets", "set", "set1", "A=1", "--skip")
    ana.fails("secrets", "list", "--organization", "acme")
    assert proxy.requests() == ["GET secrets/set1", "PUT secrets/set1", "GET secrets"]
    assert "set1" in ana.succeeds("secrets", "list")


def test_a_membership_that_ends_is_refused_at_the_next_command(ana, control_plane):
    assert "No secret" in ana.fails("secrets", "list", "--organization", "beta")
    control_plane.run("member", "remove", "ana", "--organization", "beta")
    assert "403" in ana.fails("secrets", "list", "--organization", "beta")
    assert "beta" not in ana.succeeds("organizations", "list")


def test_a_viewer_reads_and_learns_which_role_a_write_needs(ana, control_plane, rest):
    rest.put_secrets("set1", A="1")
    control_plane.run("member", "add", "ana", "--organization", "acme", "--role", "viewer")
    assert "set1" in ana.succeeds("secrets", "list", "--organization", "acme")
    said = ana.fails("secrets", "set", "set1", "B=2", "--skip", "--organization", "acme")
    assert "This needs the role member" in said and "member add ana --role member" in said
    control_plane.run("member", "add", "ana", "--organization", "acme")
    ana.fails("secrets", "set", "set1", "B=2", "--skip", "--organization", "acme")


def test_use_pat_takes_a_users_token_into_the_first_organization(ana, ana_token):
    del ana.environment["PIPECAT_TOKEN"]
    with ana.on_a_terminal("auth", "use-pat") as terminal:
        terminal.answers("Personal Access Token", ana_token + ENTER)
        shown = terminal.ends()
    assert "acme" in shown and ana_token not in shown
    assert 'org = "acme"' in (ana.home / "pipecatcloud.toml").read_text()


def test_logout_of_another_service_is_not_claimed_to_be_confirmed(cli, proxy):
    stored = cli.home / "pipecatcloud.toml"
    stored.write_text('token = "stored"\norg = "acme"\nrefresh_token = "elsewhere"\n')
    stored.chmod(0o600)
    assert "could not be confirmed" in cli.succeeds("auth", "logout")
    assert proxy.requests() == ["POST /auth/logout"]
    assert not stored.exists()


def test_a_public_key_is_made_listed_and_revoked(cli, rest):
    created = cli.succeeds("organizations", "keys", "create", "--name", "Web page")
    key = re.search(r"pk_[\w-]{43}", created)[0]
    row = f"Web page\t{key}\t"
    assert any(line.startswith(row) and line.endswith("\tActive")
               for line in cli.succeeds("organizations", "keys", "list").splitlines())
    with cli.on_a_terminal("organizations", "keys", "revoke") as terminal:
        terminal.answers("Web page", ENTER)
        assert "revoked successfully" in terminal.ends()
    assert any(line.startswith(row) and line.endswith("\tRevoked")
               for line in cli.succeeds("organizations", "keys", "list").splitlines())
    assert rest.org("GET", "apiKeys").body["public"][0]["key"] == key


def test_a_sixth_public_key_is_refused_with_the_reason(cli, rest):
    for _ in range(5):
        assert rest.org("POST", "apiKeys", {"name": "key", "type": "public"}).status == 201
    output = cli.fails("organizations", "keys", "create", "--name", "six")
    assert "400" in output and "Revoke one first" in output


def test_a_start_with_a_live_public_key_says_that_nothing_runs_here(cli, control_plane, rest):
    rest.deploy("bot")
    key = control_plane.run("api-key", "create", "web", "--type", "public").stdout.strip()
    output = cli.fails("agent", "start", "bot", "--api-key", key, "--force")
    assert "501" in output and "does not run agents" in output
    assert "nauthorized" in cli.fails("agent", "start", "bot", "--api-key", "pk_bad", "--force")


def test_a_private_key_is_for_the_paths_without_an_organization(control_plane, ana_token):
    key = control_plane.run("api-key", "create", "ci", "--type", "private", "--organization", "beta")
    ci = control_plane.rest(token=key.stdout.strip())
    answer = ci.request("PUT", "/v1/secrets/set1", {"secrets": [{"secretKey": "A", "secretValue": "1"}]})
    assert (answer.status, answer.body["region"]) == (202, "us-west")
    assert ci.request("GET", "/v1/organizations/acme/secrets").status == 403

    person = control_plane.rest(token=ana_token)
    refused = person.request("GET", "/v1/secrets")
    assert refused.status == 400 and "private API key" in refused.body["error"]
    assert person.request("GET", "/v1/organizations/beta/secrets/set1").status == 200
    one = control_plane.run("token", "create", "beta-only", "--user", "ana", "--organization", "beta")
    only = control_plane.rest(token=one.stdout.strip())
    assert only.request("GET", "/v1/secrets/set1").status == 200
    assert only.request("GET", "/v1/organizations/acme/secrets").status == 403

    listed = control_plane.run("api-key", "list", "--organization", "beta", "--json").stdout
    control_plane.run("api-key", "revoke", json.loads(listed)[0]["id"], "--organization", "beta")
    assert ci.request("GET", "/v1/secrets").body["code"] == "UNAUTHORIZED"


def test_tokens_and_private_keys_are_in_no_file_and_no_log(control_plane, ana_token, rest):
    key = control_plane.run("api-key", "create", "ci", "--type", "private", "--organization", "acme").stdout.strip()
    for token in (key, ana_token):
        assert control_plane.rest(token=token).request("GET", "/v1/organizations/acme/secrets").status == 200
    search = canary.Search({"first": control_plane.token, "user": ana_token, "key": key})
    assert search.tree(control_plane.directory, exclude=[control_plane.env_file]) >= 4
    assert search.leaks == []


def test_who_reaches_what_is_listed_for_programs(control_plane, ana_token):
    def listed(*command):
        return json.loads(control_plane.run(*command, "--json").stdout)

    assert listed("organization", "list") == [
        {"name": "acme", "displayName": "acme", "defaultRegion": "us-west",
         "membersDevelop": False},
        {"name": "beta", "displayName": "Beta GmbH", "defaultRegion": "us-west",
         "membersDevelop": False},
    ]
    assert listed("user", "list") == [
        {"name": "ana", "email": "ana@example.com", "memberships": [
            {"organization": "acme", "role": "member"}, {"organization": "beta", "role": "admin"}]},
    ]
    tokens = listed("token", "list", "--organization", "acme")
    assert [(row["name"], row["role"], row["user"], row["organization"]) for row in tokens] == [
        ("first-admin", "admin", None, "acme"), ("laptop", None, "ana", None)]
    assert listed("token", "list", "--user", "ana") == tokens[1:]
    control_plane.run("token", "revoke", "laptop", "--user", "ana")
    assert control_plane.rest(token=ana_token).request("GET", "/v1/users").status == 401


def test_a_command_that_cannot_be_says_why(control_plane, ana_token):
    for command, reason in {
        ("token", "create", "x", "--user", "ana", "--role", "admin"): "excludes",
        ("token", "create", "x", "--user", "nobody"): "no user 'nobody'",
        ("token", "create", "x", "--user", "ana", "--organization", "nobody"): "no member of 'nobody'",
        ("token", "create", "x"): "several organizations: acme, beta",
        ("member", "add", "nobody", "--organization", "acme"): "no user 'nobody'",
        ("api-key", "create", "x", "--organization", "acme"): "--type is required",
    }.items():
        finished = control_plane.run(*command, check=False)
        assert finished.returncode != 0 and reason in finished.stderr, command
        assert finished.stdout == ""
    assert len(json.loads(control_plane.run("token", "list", "--user", "ana", "--json").stdout)) == 1
