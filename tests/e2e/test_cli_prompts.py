"""What the official CLI asks a person, on a real terminal: what was answered decides what is sent."""

import pytest

from support.official_cli import ENTER

SET = ("secrets", "set", "set1", "A=1")


def test_set_shows_keys_and_region_and_sends_nothing_before_a_yes(either_cli, proxy):
    with either_cli.on_a_terminal(*SET) as terminal:
        terminal.answers("proceed with these secrets?", "y")
        assert "Value Preview" in terminal.before and "organization default" in terminal.before
        assert "PUT secrets/set1" not in proxy.requests()
        assert "'set1' created successfully in us-west" in terminal.ends()
    asked = {"1.4.0": ["GET secrets/set1", "GET properties"], "0.6.0": ["GET properties", "GET secrets/set1"]}
    assert proxy.requests() == [*asked[str(either_cli.release)], "PUT secrets/set1"]


def test_a_no_sets_nothing(either_cli, proxy):
    with either_cli.on_a_terminal(*SET) as terminal:
        terminal.answers("proceed with these secrets?", "n")
        terminal.ends(code=1)
    assert proxy.bodies("PUT") == []


def test_set_asks_again_before_it_overwrites_a_key(either_cli, proxy, rest):
    rest.put_secrets("set1", A="1")
    with either_cli.on_a_terminal(*SET) as terminal:
        terminal.answers("proceed with these secrets?", "y")
        terminal.answers("will be overwritten: A. Would you like to continue?", "n")
        assert "cancelled" in terminal.ends(code=1)
    assert proxy.bodies("PUT") == []


def test_image_pull_credentials_are_asked_for_and_the_token_is_not_shown(either_cli, proxy):
    with either_cli.on_a_terminal("secrets", "image-pull-secret", "ips", "https://r.example/") as terminal:
        terminal.answers("Username for image repository", "user" + ENTER)
        terminal.answers("Access token for image repository", "s3cr3t" + ENTER)
        shown = terminal.ends()
    assert "created successfully" in shown
    assert "******" in shown and "s3cr3t" not in shown
    assert proxy.bodies("PUT")[0]["secretValue"] == "dXNlcjpzM2NyM3Q="  # user:s3cr3t


def test_image_pull_credentials_are_not_replaced_after_a_no(either_cli, proxy, rest):
    rest.put_image_pull_secret("ips")
    with either_cli.on_a_terminal(
            "secrets", "image-pull-secret", "ips", "https://r.example/", "user:new") as terminal:
        terminal.answers("already exists. Update it?", "n")
        assert "cancelled" in terminal.ends(code=1)
    assert proxy.requests() == ["GET secrets"]


@pytest.mark.parametrize("command, prompt", [
    (("secrets", "unset", "set1", "A"), "want to unset secret with key 'A' from set 'set1'?"),
    (("secrets", "delete", "set1"), "want to delete secret set 'set1'?"),
    (("agent", "delete", "bot"), "want to delete this agent?"),
])
def test_nothing_is_deleted_before_a_yes(either_cli, proxy, rest, command, prompt):
    rest.put_secrets("set1", A="1")
    rest.deploy("bot")
    refusing, agreeing = either_cli.on_a_terminal(*command), either_cli.on_a_terminal(*command)
    with refusing, agreeing:
        refusing.answers(prompt, "n")
        refusing.ends(code=1)
        assert proxy.requests() == []
        agreeing.answers(prompt, "y")
        assert "deleted successfully" in agreeing.ends()
    assert len(proxy.requests()) == 1


def test_deploy_shows_what_it_will_do_and_asks(either_cli, proxy, rest):
    with either_cli.on_a_terminal("deploy", "bot", "demo/bot:1", "--no-credentials") as terminal:
        terminal.answers("Do you want to proceed with deployment?", "n" + ENTER)
        assert "demo/bot:1" in terminal.before
        terminal.ends(code=1)
    assert proxy.requests() == ["GET properties"]
    rest.deploy("bot")
    with either_cli.on_a_terminal("deploy", "bot", "demo/bot:2", "--no-credentials") as terminal:
        terminal.answers("Do you want to proceed with deployment?", "y" + ENTER)
        terminal.answers("Do you want to update it?", "y" + ENTER)
        assert "Agent deployment 'bot' is ready" in terminal.ends()
    assert proxy.bodies("PUT")[0]["image"] == "demo/bot:2"


def test_without_a_terminal_the_newest_cli_names_the_flag(cli, proxy):
    for command, flag in ((("agent", "delete", "bot"), "--force"), (("secrets", "delete", "set1"), "--skip"),
                          (("deploy", "bot", "demo/bot:1", "-nc"), "--yes")):
        assert flag in cli.fails(*command, code=2)
    assert set(proxy.requests()) == {"GET properties"}


def test_use_pat_takes_the_token_unseen_and_keeps_it(either_cli, control_plane, proxy):
    token = either_cli.environment.pop("PIPECAT_TOKEN")
    with either_cli.on_a_terminal("auth", "use-pat") as terminal:
        terminal.answers("Personal Access Token", token + ENTER)
        shown = terminal.ends()
    assert f"Active organization: {control_plane.organization}" in shown and token not in shown
    assert "No secret" in either_cli.fails("secrets", "list")
    assert proxy.requests() == ["GET /v1/organizations", "GET secrets"]


def test_use_pat_keeps_no_token_that_the_server_does_not_know(either_cli):
    del either_cli.environment["PIPECAT_TOKEN"]
    with either_cli.on_a_terminal("auth", "use-pat") as terminal:
        terminal.answers("Personal Access Token", "pcc_pat_nobody" + ENTER)
        assert "Invalid or expired token" in terminal.ends(code=1)
    assert not (either_cli.home / "pipecatcloud.toml").exists()


def test_select_offers_the_organizations_and_keeps_the_choice(either_cli, control_plane):
    with either_cli.on_a_terminal("organizations", "select") as terminal:
        terminal.answers("» ", ENTER)
        assert f"Current organization set to {control_plane.organization}" in terminal.ends()
    assert f'org = "{control_plane.organization}"' in (either_cli.home / "pipecatcloud.toml").read_text()


def test_a_new_public_key_becomes_the_default_after_a_yes(either_cli, proxy, rest):
    rest.deploy("bot")
    with either_cli.on_a_terminal("organizations", "keys", "create") as terminal:
        terminal.answers("human readable name for API key", "phone" + ENTER)
        terminal.answers("make this key the default key", "y")
        assert "pk_" in terminal.ends()
    assert proxy.bodies("POST") == [{"name": "phone", "type": "public"}]
    # With a live key a start gets as far as the server's own answer.
    assert "does not run agents" in either_cli.fails("agent", "start", "bot", "--force")


def test_a_public_key_is_chosen_by_name(either_cli, rest):
    key = rest.org("POST", "apiKeys", {"name": "phone", "type": "public"}).body["key"]
    with either_cli.on_a_terminal("organizations", "keys", "use") as terminal:
        terminal.answers("phone", ENTER)
        terminal.ends()
    assert key in (either_cli.home / "pipecatcloud.toml").read_text()


def test_the_older_delete_of_a_key_is_a_revoke(older_cli, rest):
    rest.org("POST", "apiKeys", {"name": "phone", "type": "public"})
    with older_cli.on_a_terminal("organizations", "keys", "delete") as terminal:
        terminal.answers("phone", ENTER)
        assert "revoked successfully" in terminal.ends()
    assert rest.org("GET", "apiKeys").body["public"][0]["revoked"] is True


def test_rich_listings_hold_what_plain_ones_hold(cli, control_plane, rest):
    """A terminal gets boxes, a pipe gets lines."""
    rest.put_secrets("set1", A="1")
    control_plane.wait_ready("set1")
    rest.deploy("bot", secretSet="set1")
    rows = {
        ("secrets", "list"): ("set1", "us-west", "ready"),
        ("secrets", "list", "set1"): ("A",),
        ("agent", "list"): ("bot", "us-west"),
        ("agent", "status", "bot"): ("demo/bot:1", "Active"),
        ("agent", "deployments", "bot"): ("demo/bot:1",),
        ("regions", "list"): ("us-west",),
        ("organizations", "list"): (control_plane.organization, "active"),
        ("organizations", "properties", "list"): ("defaultRegion", "us-west"),
        ("organizations", "properties", "schema"): ("defaultRegion", "string"),
    }
    terminals = {command: cli.on_a_terminal(*command) for command in rows}
    for command, words in rows.items():
        shown = terminals[command].ends()
        assert "─" in shown or "━" in shown, command
        assert all(word in shown for word in words), shown
