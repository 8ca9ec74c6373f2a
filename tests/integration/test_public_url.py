"""What `serve --public-url` and `public-url set` do to credentials, which name the URLs."""

import json

import pytest
from support import protocol
from support.control_plane import ControlPlane, ControlPlaneFailed
from support.credential_text import identity_of

OTHER = "https://other.example.com:7710"


@pytest.fixture
def plane(control_plane):
    rest = control_plane.rest()
    rest.put_secrets("bot-secrets", GREETING="hello")
    control_plane.wait_ready("bot-secrets")
    rest.deploy("bot", secretSet="bot-secrets")
    return control_plane


def status_of_bundle(plane, credential, audience):
    """Of a request that is signed for the audience and sent to where the server is."""
    authorization = protocol.proof(protocol.Credential.parse(credential), protocol.BUNDLE, aud=audience)
    return protocol.get(plane.url, protocol.BUNDLE, authorization).status


def recorded(plane):
    return json.loads(plane.run("public-url", "show", "--json").stdout)


def restart_with(plane, *urls):
    plane.stop()
    plane.serve_options = [word for url in urls for word in ("--public-url", url)]
    plane.start()


def test_a_trial_run_with_another_url_breaks_no_credential_and_records_nothing(plane):
    credential = plane.issue_credential("bot")
    restart_with(plane, OTHER)
    assert status_of_bundle(plane, credential, plane.url) == 200
    assert status_of_bundle(plane, credential, OTHER) == 200
    assert status_of_bundle(plane, credential, "https://third.example.com") == 401
    assert recorded(plane) == {"urls": [plane.url], "recorded": True}
    assert identity_of(plane.issue_credential("bot"))["urls"] == [plane.url]
    assert plane.logged_at("--public-url is of this run only: new credentials name what is recorded", url=OTHER)

    restart_with(plane)
    assert status_of_bundle(plane, credential, plane.url) == 200
    assert status_of_bundle(plane, credential, OTHER) == 401


def test_recorded_urls_are_accepted_by_the_next_run_and_named_by_the_next_credential(plane):
    plane.run("public-url", "set", OTHER, plane.url)
    credential = plane.issue_credential("bot")
    assert identity_of(credential)["urls"] == [OTHER, plane.url]
    plane.restart()
    assert status_of_bundle(plane, credential, OTHER) == 200


def test_a_change_says_which_credentials_it_breaks_and_asks_for_yes(plane):
    kid = identity_of(plane.issue_credential("bot"))["kid"]
    plane.run("public-url", "set", plane.url, OTHER)  # nothing is lost by one more
    other_kid = identity_of(plane.run("credential", "issue", "bot", "--url", OTHER).stdout.strip())["kid"]

    refused = plane.run("public-url", "set", OTHER, check=False)
    assert refused.returncode == 1
    assert kid in refused.stderr and plane.url in refused.stderr and "bot" in refused.stderr
    assert other_kid not in refused.stderr
    assert "1 live credential names a URL" in refused.stderr
    assert recorded(plane)["urls"] == [plane.url, OTHER]

    agreed = plane.run("public-url", "set", OTHER, "--yes")
    assert kid in agreed.stderr
    assert recorded(plane)["urls"] == [OTHER]


def test_a_revoked_credential_is_not_broken(plane):
    kid = identity_of(plane.issue_credential("bot"))["kid"]
    plane.run("credential", "revoke", "bot", kid)
    assert kid not in plane.run("public-url", "set", OTHER).stderr


def test_what_is_no_base_url_is_not_recorded(plane):
    for wrong in ("ftp://host", "https://host?x", "host:7710"):
        with pytest.raises(ControlPlaneFailed, match="is not a base URL"):
            plane.run("public-url", "set", wrong)
    assert recorded(plane)["urls"] == [plane.url]


def test_where_nothing_is_recorded_credentials_name_what_the_last_run_went_by(tmp_path, plane):
    """As after `init` without --public-url."""
    class Unrecorded(ControlPlane):
        def run(self, *arguments, **more):
            if arguments[0] == "init":
                arguments = tuple(word for word in arguments if word not in ("--public-url", self.url))
            return super().run(*arguments, **more)

    with Unrecorded(tmp_path / "unrecorded") as unrecorded:
        assert recorded(unrecorded) == {"urls": [unrecorded.url], "recorded": False}
        unrecorded.stop()
        shown = unrecorded.run("public-url", "show")
        assert (shown.stdout, "no public URL is recorded" in shown.stderr) == (unrecorded.url + "\n", True)
