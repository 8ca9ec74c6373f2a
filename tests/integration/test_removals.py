"""Removing organizations, users and regions beside a running server, and what a later one of a name is given."""

import json

from support.credential_text import identity_of
from support.fleet import SimulatedFleet
from support.instance import run_injector
from support.tls import Authority
from support.wait import wait_for


def refused(control_plane, *arguments):
    finished = control_plane.run(*arguments, check=False)
    assert finished.returncode == 1, finished.stdout
    return finished.stderr


def test_an_organization_is_removed_once_nothing_uses_it(control_plane):
    control_plane.run("organization", "add", "beta")
    token = control_plane.run("token", "create", "ci", "--organization", "beta").stdout.strip()
    rest = control_plane.rest(token)
    rest.organization = "beta"
    rest.put_secrets("bot-secrets", A="1")
    rest.deploy("bot")
    said = refused(control_plane, "organization", "remove", "beta")
    assert "1 agent (bot), 1 secret set (bot-secrets), 1 token (ci)" in said
    assert "hint: delete its agents and sets" in said and "token revoke" in said

    assert rest.org("DELETE", "services/bot").status == 200
    assert rest.org("DELETE", "secrets/bot-secrets").status == 200
    control_plane.run("token", "revoke", "ci", "--organization", "beta")
    assert "is removed" in control_plane.run("organization", "remove", "beta").stderr
    assert rest.org("GET", "secrets").status == 401
    assert [row["name"] for row in json.loads(control_plane.run("organization", "list", "--json").stdout)] == ["acme"]
    assert "has been removed" in refused(control_plane, "organization", "add", "beta")


def test_a_user_is_removed_once_nothing_uses_it(control_plane):
    control_plane.run("user", "add", "ann", "--email", "ann@example.com")
    control_plane.run("member", "add", "ann")
    token = control_plane.run("token", "create", "laptop", "--user", "ann").stdout.strip()
    said = refused(control_plane, "user", "remove", "ann")
    assert "1 membership (acme), 1 token (laptop)" in said and "member remove ann" in said
    control_plane.run("member", "remove", "ann")
    control_plane.run("token", "revoke", "laptop", "--user", "ann")
    control_plane.run("user", "remove", "ann")

    control_plane.run("user", "add", "ann", "--email", "ann@example.com")
    control_plane.run("member", "add", "ann")
    assert control_plane.rest(token).org("GET", "secrets").status == 401
    assert json.loads(control_plane.run("token", "list", "--user", "ann", "--json").stdout) == []


def test_a_removed_region_takes_nothing_from_the_next_request_on(control_plane, rest):
    body = {"secrets": [{"secretKey": "A", "secretValue": "1"}], "region": "eu-central"}

    def add_region():
        control_plane.run("region", "add", "eu-central")
        wait_for(lambda: rest.org("PUT", "secrets/eu-secrets", body).status == 202, what="eu-central taking a set")

    add_region()
    assert "1 secret set (eu-secrets)" in refused(control_plane, "region", "remove", "eu-central")
    assert "1 organization whose default it is (acme)" in refused(control_plane, "region", "remove", "us-west")
    assert rest.org("DELETE", "secrets/eu-secrets").status == 200

    assert "nothing new goes there" in control_plane.run("region", "remove", "eu-central").stderr
    answer = rest.org("PUT", "secrets/eu-secrets", body)
    assert (answer.status, answer.body["error"]) == (400, "Invalid region 'eu-central'. Valid regions are: us-west")
    assert rest.put_secrets("bot-secrets", A="1").status == 202
    control_plane.wait_ready("bot-secrets")

    # The region that is added again has the store and the keys that it had.
    add_region()
    control_plane.wait_ready("eu-secrets")
    control_plane.restart()
    assert rest.set_status("eu-secrets") == "ready"


def test_a_region_is_shown_as_the_operator_says(control_plane, rest):
    assert rest.org("GET", "regions").body["regions"] == [{"code": "us-west", "display_name": "us-west"}]
    control_plane.run("region", "rename", "us-west", "Rack 4, Berlin")
    assert rest.org("GET", "regions").body["regions"] == [{"code": "us-west", "display_name": "Rack 4, Berlin"}]
    assert "Invalid region 'mars'" in refused(control_plane, "region", "rename", "mars", "Mars")


def test_the_credential_of_a_deleted_agent_starts_nothing_of_a_later_agent_of_its_name(control_plane, rest):
    rest.put_secrets("bot-secrets", A="of-the-later")
    control_plane.wait_ready("bot-secrets")
    rest.deploy("bot")
    old = control_plane.issue_credential("bot")
    assert rest.org("DELETE", "services/bot").status == 200
    rest.deploy("bot", secretSet="bot-secrets")
    new = control_plane.issue_credential("bot")
    assert run_injector(new, "sh", "-c", "echo $A").stdout == "of-the-later\n"
    finished = run_injector(old, "sh", "-c", "echo started $A")
    assert finished.returncode == 125 and finished.stdout == ""
    assert "deleted" in finished.stderr
    assert len(json.loads(control_plane.run("credential", "list", "bot", "--json").stdout)) == 1


def test_forgetting_an_instance_of_a_deleted_agent_leaves_the_live_one_of_its_id(control_plane, rest):
    def counted():
        agents = json.loads(control_plane.run("fleet", "bot", "--json").stdout)["agents"]
        return sorted((each["deleted"], len(each["instances"])) for each in agents)

    def start_one():
        rest.deploy("bot")
        with SimulatedFleet(control_plane.issue_credential("bot"), 1) as fleet:
            fleet.start(sidecar=False)

    start_one()
    rest.org("DELETE", "services/bot")
    start_one()
    wait_for(lambda: counted() == [(False, 1), (True, 1)], what="both records")
    said = control_plane.run("fleet", "bot", "--forget", "host-0").stderr
    assert "of the deleted agent 'bot' is forgotten" in said
    assert counted() == [(False, 1)]


def test_a_credential_for_a_name_that_no_deploy_accepts_is_refused_with_the_rule(control_plane):
    said = refused(control_plane, "credential", "issue", "My_Bot")
    assert "Invalid service name 'My_Bot'" in said and "deploy" not in said
    assert "pipecat cloud deploy my-bot IMAGE" in refused(control_plane, "credential", "issue", "my-bot")


def test_recorded_certificates_go_into_every_credential(control_plane, rest, tmp_path):
    ours, other = Authority(tmp_path / "ours"), Authority(tmp_path / "other")
    rest.deploy("bot")

    def authority(*options):
        text = control_plane.run("credential", "issue", "bot", *options).stdout.strip()
        return identity_of(text).get("ca")

    assert authority() is None
    assert "no certificates are recorded" in control_plane.run("credential", "ca").stderr
    control_plane.run("credential", "ca", ours.certificate)
    assert control_plane.run("credential", "ca").stdout == ours.certificate.read_text()
    assert authority() == ours.certificate.read_text()
    assert authority("--ca", other.certificate) == other.certificate.read_text()
    assert authority("--system-ca") is None
    assert "not a few certificates" in refused(control_plane, "credential", "ca", control_plane.master_key_file)
    control_plane.run("credential", "ca", "--forget")
    assert authority() is None
