"""The official CLI writes, lists and deletes secrets. `proxy` records what really went
over the wire."""

import time

import pytest

from support.instance import injected_environment
from support.official_cli import NEWEST
from support.wait import wait_for


def keys(rest, name):
    body = rest.org("GET", f"secrets/{name}").body
    return sorted(key["fieldName"] for key in body["secrets"])


def stored(control_plane, name, directory):
    """The values of a set, as an agent bound to it is given them."""
    control_plane.wait_ready(name)
    rest = control_plane.rest()
    assert rest.deploy("reader", secretSet=name).status == 200
    return injected_environment(control_plane.issue_credential("reader"), directory)


# Writing


def test_set_creates_a_set_with_one_put_a_key(either_cli, proxy, rest, control_plane):
    output = either_cli.succeeds("secrets", "set", "set1", "A=1", "B=2", "--skip")
    assert "created successfully in us-west" in output
    assert proxy.requests() == ["GET secrets/set1", "PUT secrets/set1", "PUT secrets/set1"]
    assert [body["secretKey"] for body in proxy.bodies("PUT")] == ["A", "B"]
    assert keys(rest, "set1") == ["A", "B"]
    control_plane.wait_ready("set1")


def test_set_merges_into_an_existing_set(either_cli, rest):
    either_cli.succeeds("secrets", "set", "set1", "A=1", "B=2", "--skip")
    output = either_cli.succeeds("secrets", "set", "set1", "A=9", "--skip")
    assert "modified successfully" in output and "must re-deploy" in output
    assert keys(rest, "set1") == ["A", "B"]


def test_values_arrive_as_the_cli_parses_them(either_cli, control_plane, tmp_path):
    either_cli.succeeds("secrets", "set", "set3", 'A="q w"', "C='x'", "D= sp ", "E==a=b", "--skip")
    environment = stored(control_plane, "set3", tmp_path)
    assert [environment[key] for key in "ACDE"] == [b"q w", b"'x'", b"sp", b"=a=b"]


def test_unusable_pairs_are_stopped_before_any_request(either_cli, proxy):
    pairs = ("A", "A=", 'A=""', 'A="')
    for output in either_cli.fails_all(("secrets", "set", "set1", pair, "--skip") for pair in pairs):
        assert "Error" in output
    assert proxy.requests() == []


def test_a_file_with_one_bad_line_is_stopped_before_any_request(either_cli, proxy, tmp_path):
    path = tmp_path / "bad.env"
    path.write_text("A=1\nB=2\nnonsense\n")
    either_cli.fails("secrets", "set", "set1", "--file", path, "--skip")
    assert proxy.requests() == []


def test_a_file_that_says_nothing_is_stopped_before_any_request(cli, proxy, tmp_path):
    empty = tmp_path / "empty.env"
    empty.write_text("# nothing\n\n")
    given = [("--file", tmp_path / "missing.env"), ("--file", empty), ("--file", empty, "A=1"), ()]
    cli.fails_all(("secrets", "set", "set1", *each, "--skip") for each in given)
    assert proxy.requests() == []


def test_values_from_a_file_arrive(either_cli, control_plane, tmp_path):
    path = tmp_path / "good.env"
    path.write_bytes(b'# comment\r\n\r\n B = two words \r\nC="q"\r\nF=a#b\r\n')
    either_cli.succeeds("secrets", "set", "set1", "--file", path, "--skip")
    environment = stored(control_plane, "set1", tmp_path)
    assert [environment[key] for key in "BCF"] == [b"two words", b"q", b"a#b"]


@pytest.mark.parametrize("key", ["bad key", "K" * 65])
def test_a_bad_key_name_is_refused_by_cli_and_server(cli, proxy, rest, key):
    cli.fails("secrets", "set", "set1", f"{key}=1", "--skip")
    assert proxy.requests() == []
    answer = rest.org("PUT", "secrets/set1", {"name": "set1", "secretKey": key, "secretValue": "1"})
    assert (answer.status, answer.body["code"]) == (400, "400")
    assert rest.org("GET", "secrets/set1").status == 404


def test_an_older_cli_sends_a_bad_key_name_and_the_server_refuses_it(older_cli, proxy, rest):
    assert "Invalid secret key 'bad key'" in older_cli.fails("secrets", "set", "set1", "bad key=1", "--skip")
    assert proxy.requests() == ["GET secrets/set1", "PUT secrets/set1"]
    assert rest.org("GET", "secrets/set1").status == 404


def test_a_key_name_of_64_characters_is_accepted(cli, rest):
    cli.succeeds("secrets", "set", "set1", f"{'K' * 64}=1", "--skip")
    assert keys(rest, "set1") == ["K" * 64]


def test_the_server_refuses_bad_set_names(either_cli, rest):
    names = ("My_Set", "ab", "a" * 64)
    for output in either_cli.fails_all(("secrets", "set", name, "A=1", "--skip") for name in names):
        assert "Error - 400" in output and "Invalid secret set name" in output
    assert rest.org("GET", "secrets").body == {"sets": []}


def test_the_cli_stops_a_set_name_with_a_dot_and_capitals(either_cli, proxy):
    either_cli.fails("secrets", "set", "My.Set", "A=1", "--skip")
    assert proxy.requests() == []


def test_an_unknown_region_is_listed_against_the_known_ones(either_cli, proxy):
    output = either_cli.fails("secrets", "set", "set1", "A=1", "-r", "mars", "--skip")
    assert "Invalid region 'mars'" in output and "us-west" in output
    assert set(proxy.requests()) == {"GET regions"}


def test_a_region_is_checked_once_and_sent_with_every_key(either_cli, proxy):
    either_cli.succeeds("secrets", "set", "set1", "A=1", "B=2", "-r", "us-west", "--skip")
    assert proxy.requests() == ["GET regions", "GET secrets/set1", "PUT secrets/set1", "PUT secrets/set1"]
    assert [body["region"] for body in proxy.bodies("PUT")] == ["us-west", "us-west"]


def test_the_server_refuses_to_move_a_set_to_another_region(rest):
    assert rest.put_secrets("set1", A="1").status == 202
    body = {"region": "eu-central", "secrets": [{"secretKey": "A", "secretValue": "1"}]}
    answer = rest.org("PUT", "secrets/set1", body)
    assert answer.status == 400
    assert "eu-central" in answer.body["error"]


def test_an_error_in_the_middle_keeps_the_earlier_keys(either_cli, proxy, rest):
    conflict = {"error": "Someone else is writing this set", "code": "409"}
    proxy.answer("PUT", "secrets/set1", 409, conflict, skip=1)
    output = either_cli.fails("secrets", "set", "set1", "A=1", "B=2", "C=3", "--skip")
    assert "409" in output
    assert keys(rest, "set1") == ["A"]
    assert len(proxy.bodies("PUT")) == 2


def test_a_reserved_name_is_refused_with_its_reason_and_the_way_to_allow_it(either_cli, rest):
    output = " ".join(either_cli.fails("secrets", "set", "set1", "PYTHONPATH=/x", "--skip").split())
    assert "PYTHONPATH (decides which code Python runs)" in output
    assert "organization allow-name PYTHONPATH" in output and "--allow PYTHONPATH" in output
    assert rest.org("GET", "secrets/set1").status == 404


def test_a_name_that_the_image_usually_sets_is_written_and_named_by_the_deploy(cli, control_plane):
    cli.succeeds("secrets", "set", "set1", "ENV=production", "--skip")
    control_plane.wait_ready("set1")
    output = " ".join(cli.succeeds("deploy", "bot", "demo/bot:1", "--secrets", "set1", "--yes").split())
    assert "Warning: Secret set 'set1' replaces what the image or the platform usually sets: ENV (" in output


def test_a_deploy_without_a_set_says_that_bots_start_without_secrets(cli):
    output = " ".join(cli.succeeds("deploy", "bot", "demo/bot:1", "--yes").split())
    assert "Warning: This service has no secret set" in output


def test_twenty_keys_become_ready_once_all_are_written(cli, control_plane, rest, tmp_path):
    pairs = [f"KEY_{number}=value {number}" for number in range(20)]
    cli.succeeds("secrets", "set", "many", *pairs, "--skip")
    assert len(keys(rest, "many")) == 20
    environment = stored(control_plane, "many", tmp_path)
    assert all(environment[f"KEY_{number}"] == f"value {number}".encode() for number in range(20))


def test_a_set_never_turns_ready_between_two_keys(rest):
    for number in range(6):
        body = {"name": "slow", "secretKey": f"K{number}", "secretValue": "v"}
        asked = time.monotonic()
        assert rest.org("PUT", "secrets/slow", body).status == 202
        # Less than the quiet period of 0.5 s, which began after we asked: a CLI on a slow link.
        while time.monotonic() < asked + 0.25:
            status = rest.set_status("slow")
            assert status == "pending" or time.monotonic() > asked + 0.5
    wait_for(lambda: rest.set_status("slow") == "ready", what="the set turning ready")


def test_set_does_not_touch_an_image_pull_secret(either_cli, proxy, rest):
    rest.put_image_pull_secret("ips")
    assert "400" in either_cli.fails("secrets", "set", "ips", "A=1", "--skip")
    assert proxy.requests() == ["GET secrets/ips"]


def test_without_a_terminal_set_asks_for_skip(cli, proxy):
    output = cli.fails("secrets", "set", "set1", "A=1", code=2)
    assert "--skip" in output
    assert proxy.bodies("PUT") == []


def test_without_a_terminal_an_older_cli_gives_up(older_cli, proxy):
    assert "Aborted" in older_cli.fails("secrets", "set", "set1", "A=1")
    assert proxy.requests() == ["GET properties"]


def test_difficult_values_reach_the_agent_byte_for_byte(cli, control_plane, tmp_path):
    values = {
        "NEWLINE": "first\nsecond",
        "QUOTES": "a \"b\" 'c' \\ /",
        "UTF8": "é 日本語 🐈",
        "LARGE": "x" * 65536,
    }
    cli.succeeds("secrets", "set", "set1", *(f"{key}={value}" for key, value in values.items()), "--skip")
    environment = stored(control_plane, "set1", tmp_path)
    for key, value in values.items():
        assert environment[key] == value.encode(), key


def test_a_put_whose_answer_was_lost_is_repeated_harmlessly(either_cli, proxy, rest):
    proxy.cut_answer("PUT", "secrets/set1")
    either_cli.succeeds("secrets", "set", "set1", "A=1", "--skip")
    assert proxy.requests() == ["GET secrets/set1", "PUT secrets/set1", "PUT secrets/set1"]
    assert keys(rest, "set1") == ["A"]


def test_a_delete_whose_answer_was_lost_reports_not_found(cli, proxy, rest):
    """The CLI repeats it, and by then there is nothing left: a limitation of the client."""
    rest.put_secrets("set1", A="1")
    proxy.cut_answer("DELETE", "secrets/set1")
    assert "No set found" in cli.fails("secrets", "delete", "set1", "--skip")
    assert proxy.requests() == ["DELETE secrets/set1", "DELETE secrets/set1"]
    assert rest.org("GET", "secrets/set1").status == 404


def test_a_value_past_the_largest_request_is_refused_with_the_reason(cli, rest, tmp_path):
    path = tmp_path / "large.env"
    path.write_text(f"A=1\nB={'x' * (5 << 20)}\n")
    output = cli.fails("secrets", "set", "set1", "--file", path, "--skip")
    assert "Error - 413" in output and "4 MiB" in output
    assert keys(rest, "set1") == ["A"]


def test_an_array_write_needs_a_key_and_is_one_version(rest):
    assert rest.org("PUT", "secrets/set1", {"secrets": []}).status == 400
    answer = rest.put_secrets("set1", A="1", B="2")
    assert (answer.status, answer.body) == (202, {"status": "OK", "region": "us-west"})
    assert keys(rest, "set1") == ["A", "B"]


# Reading and deleting


def test_list_shows_both_types_and_no_value(either_cli, control_plane, rest):
    value = "sk-never-shown-0123456789"
    rest.put_secrets("set1", A=value)
    rest.put_image_pull_secret("ips")
    control_plane.wait_ready("set1")
    output, keys_alone = [each.stdout for each in either_cli.run_all(
        [("secrets", "list"), ("secrets", "list", "set1")])]
    for name, region, kind in (("set1", "us-west", "Secret Set"), ("ips", "us-west", "Image Pull Secret")):
        row = next(line for line in output.splitlines() if name in line)
        assert region in row and kind in row
    assert ("ready" in output) == (either_cli.release == NEWEST)  # 0.6.0 has no such column
    assert "A" in keys_alone
    assert value not in output + keys_alone and "dXNlcjp0b2s" not in output


def test_list_filters_by_region(either_cli, proxy, rest):
    rest.put_secrets("set1", A="1")
    assert "set1" in either_cli.succeeds("secrets", "list", "-r", "us-west")
    assert proxy.requests() == ["GET regions", "GET secrets?region=us-west"]


def test_an_older_cli_names_the_region_of_one_set_too(older_cli, proxy, rest):
    rest.put_secrets("set1", A="1")
    assert "A" in older_cli.succeeds("secrets", "list", "set1", "-r", "us-west")
    assert proxy.requests() == ["GET regions", "GET secrets/set1?region=us-west"]


def test_the_server_filters_the_list_by_region(rest):
    rest.put_secrets("set1", A="1")
    assert rest.org("GET", "secrets?region=eu-central").body == {"sets": []}


def test_an_empty_organization_has_no_sets(either_cli):
    output = either_cli.fails("secrets", "list")
    assert "No secret" in output and "acme" in output


def test_an_unknown_set_is_not_found(either_cli):
    assert "No secrets sets with name 'nope'" in either_cli.fails("secrets", "list", "nope")


def test_a_set_keeps_existing_without_its_last_key(cli, rest):
    rest.put_secrets("set1", A="1")
    cli.succeeds("secrets", "unset", "set1", "A", "--skip")
    assert "Secret keys for set set1" in cli.succeeds("secrets", "list", "set1")
    answer = rest.org("GET", "secrets/set1")
    assert (answer.status, answer.body["secrets"]) == (200, [])


def test_an_older_cli_takes_a_set_without_keys_for_none(older_cli, rest):
    rest.put_secrets("set1", A="1")
    assert rest.org("DELETE", "secrets/set1/A").status == 200
    assert "No secrets sets with name 'set1'" in older_cli.succeeds("secrets", "list", "set1")


def test_an_image_pull_secret_cannot_be_read(either_cli, rest):
    rest.put_image_pull_secret("ips")
    output = either_cli.fails("secrets", "list", "ips")
    assert "400" in output and "Cannot retrieve image pull secrets by name" in output


def test_unset_and_delete_succeed_once(either_cli, rest):
    rest.put_secrets("set1", A="1", B="2")
    assert "deleted successfully" in either_cli.succeeds("secrets", "unset", "set1", "A", "--skip")
    assert "Key not found" in either_cli.fails("secrets", "unset", "set1", "A", "--skip")
    assert "deleted successfully" in either_cli.succeeds("secrets", "delete", "set1", "--skip")
    assert "No set found" in either_cli.fails("secrets", "delete", "set1", "--skip")


def test_a_name_that_climbs_out_of_secrets_deletes_nothing(either_cli, proxy, rest):
    rest.put_secrets("set1", A="1")
    assert "405" in either_cli.fails("secrets", "delete", "../regions", "--skip")
    assert proxy.requests() == ["DELETE regions"]
    assert rest.org("DELETE", "regions").status in (404, 405)
    assert keys(rest, "set1") == ["A"]
    assert rest.org("GET", "regions").body["regions"]


def test_an_escaped_key_name_is_decoded_once(either_cli, proxy, rest):
    rest.put_secrets("set1", A="1")
    assert "Key not found" in either_cli.fails("secrets", "unset", "set1", "a b", "--skip")
    assert proxy.requests() == ["DELETE secrets/set1/a%20b"]


def test_a_set_that_an_agent_uses_is_not_deleted(cli, control_plane, rest):
    rest.put_secrets("set1", A="1")
    control_plane.wait_ready("set1")
    assert rest.deploy("bot", secretSet="set1").status == 200
    output = cli.fails("secrets", "delete", "set1", "--skip")
    assert "409" in output and "bot" in output
    assert rest.set_status("set1") == "ready"
