"""The official CLI writes image pull secrets, and deploys with them."""

import pytest

CREDENTIALS = "dXNlcjp0b2s="  # user:tok
HOST = "https://registry.example/v1/"


@pytest.fixture
def two_sets(control_plane, rest):
    """The regular set "set1" and the image pull secret "ips", both ready."""
    rest.put_secrets("set1", A="1")
    rest.put_image_pull_secret("ips")
    control_plane.wait_ready("set1")
    control_plane.wait_ready("ips")


def test_credentials_are_sent_as_base64_and_replaced_by_the_next_write(either_cli, proxy):
    command = ("secrets", "image-pull-secret", "ips", HOST, "user:tok", "--skip")
    output = either_cli.succeeds(*command)
    assert f"'ips' for {HOST} created successfully in us-west" in output
    assert proxy.requests() == ["GET secrets", "PUT secrets/ips"]
    assert proxy.bodies("PUT") == [{"isImagePullSecret": True, "secretValue": CREDENTIALS, "host": HOST}]
    assert "updated successfully in us-west" in either_cli.succeeds(*command)


def test_raw_credentials_and_a_bare_host_are_taken_too(rest):
    assert rest.put_image_pull_secret("ips", "registry.example", "user:tok").status == 202


def test_a_regular_set_does_not_become_an_image_pull_secret(either_cli, rest, two_sets):
    output = either_cli.fails("secrets", "image-pull-secret", "set1", HOST, "user:tok", "--skip")
    assert "Error - 400" in output and "type of a set cannot be changed" in output
    (key,) = rest.org("GET", "secrets/set1").body["secrets"]
    assert (key["fieldName"], key["version"]) == ("A", 1)


def test_deploy_looks_for_its_credentials_in_the_list(cli, proxy, rest, two_sets):
    assert "is ready" in cli.succeeds("deploy", "bot", "demo/bot:1", "--credentials", "ips", "--yes")
    assert proxy.requests()[:4] == ["GET properties", "GET services/bot", "GET secrets", "POST services"]
    assert bound(rest) == "ips"


def test_an_older_deploy_takes_a_400_for_its_credentials(older_cli, proxy, rest, two_sets):
    """It asks for the set by name, and only the code "400" tells it that the set is there."""
    assert "is ready" in older_cli.succeeds("deploy", "bot", "demo/bot:1", "--credentials", "ips", "--yes")
    assert proxy.requests()[:4] == ["GET properties", "GET services/bot", "GET secrets/ips", "POST services"]
    assert bound(rest) == "ips"


@pytest.mark.parametrize("name", ["missing", "set1"])
def test_deploy_stops_without_its_credentials(cli, proxy, rest, two_sets, name):
    output = cli.fails("deploy", "bot", "demo/bot:1", "--credentials", name, "--yes")
    assert f"Image pull secret with name '{name}' not found" in output
    assert "POST services" not in proxy.requests()


@pytest.mark.parametrize("name, answer", [
    ("missing", "Image pull secret 'missing' not found"),
    ("set1", "'set1' is a secret set, not an image pull secret"),
])
def test_an_older_deploy_goes_on_without_its_credentials_and_the_server_refuses(
        older_cli, proxy, rest, two_sets, name, answer):
    assert answer in older_cli.fails("deploy", "bot", "demo/bot:1", "--credentials", name, "--yes")
    assert "POST services" in proxy.requests()
    assert rest.org("GET", "services/bot").status == 404


def bound(rest):
    return rest.org("GET", "services/bot").body["body"]["deployment"]["manifest"]["spec"]["imagePullSecretName"]
