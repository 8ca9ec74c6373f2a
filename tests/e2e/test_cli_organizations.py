"""The official CLI on organizations, their properties and regions, and on who is asking."""


def test_whoami_shows_organization_and_kind_of_token(either_cli, control_plane, proxy):
    output = either_cli.succeeds("auth", "whoami")
    assert control_plane.organization in output and "PAT" in output and "N/A" in output
    assert proxy.requests() == ["GET /v1/users", "GET /v1/organizations", "GET daily"]


def test_login_is_refused_without_a_wait(either_cli, proxy):
    """It would need an identity provider: `auth use-pat` is the way in."""
    assert "Failed to fetch auth configuration" in either_cli.fails("auth", "login")
    assert proxy.requests() == ["GET /auth/config"]


def test_logout_removes_the_stored_credentials(either_cli):
    stored = either_cli.home / "pipecatcloud.toml"
    stored.write_text('token = "pcc_pat_stored"\norg = "acme"\n')
    stored.chmod(0o600)
    assert "removed" in either_cli.succeeds("auth", "logout")
    assert not stored.exists()


def test_organizations_are_listed_and_one_is_selected(either_cli, control_plane):
    name = control_plane.organization
    assert name in either_cli.succeeds("organizations", "list")
    assert f"organization set to {name}" in either_cli.succeeds("organizations", "select", "-o", name)
    assert "nobody" in either_cli.fails("organizations", "select", "-o", "nobody")
    assert f'org = "{name}"' in (either_cli.home / "pipecatcloud.toml").read_text()


def test_a_new_organization_has_no_public_keys(either_cli, proxy):
    commands = [("organizations", "keys", verb) for verb in ("list", "use", "revoke")]
    for output in either_cli.fails_all(commands):
        assert "No API keys found" in output
    assert set(proxy.requests()) == {"GET apiKeys"}


def test_regions_are_listed(either_cli, proxy):
    output = either_cli.succeeds("regions", "list")
    assert output.count("us-west") >= 2  # its code, and what people see
    assert proxy.requests() == ["GET regions"]


def test_the_default_region_is_a_property(either_cli):
    commands = [("organizations", "properties", "list"), ("organizations", "properties", "schema"),
                ("organizations", "default-region")]
    for finished in either_cli.run_all(commands):
        assert finished.returncode == 0 and "us-west" in finished.stdout


def test_the_default_region_is_set_by_either_command(either_cli, proxy):
    assert "Default region set to us-west" in either_cli.succeeds("organizations", "default-region", "us-west")
    output = either_cli.succeeds("organizations", "properties", "set", "defaultRegion", "us-west")
    assert "Property defaultRegion set to us-west" in output
    assert proxy.bodies("PATCH") == [{"defaultRegion": "us-west"}] * 2


def test_an_unknown_region_or_property_is_not_set(either_cli, rest):
    region, property_region, other = either_cli.fails_all([
        ("organizations", "default-region", "mars"),
        ("organizations", "properties", "set", "defaultRegion", "mars"),
        ("organizations", "properties", "set", "colour", "red"),
    ])
    assert "Error - 400" in region and "mars" in region and "us-west" in region
    assert "Error - 400" in property_region and "mars" in property_region
    assert "Error - 400" in other
    assert rest.org("GET", "properties").body == {"properties": {"defaultRegion": "us-west"}}
