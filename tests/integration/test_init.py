"""`init` on a machine that has none of its directories."""

import json
import stat
import subprocess

import pytest

from support import programs


def run(*arguments, **environment):
    return subprocess.run([str(part) for part in (programs.control_plane_program(), *arguments)],
                          env=programs.clean_environment(**environment), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30)


@pytest.fixture
def places(tmp_path):
    return {"AGENT_SECRETS_DATA_DIR": tmp_path / "var/lib/data",
            "AGENT_SECRETS_MASTER_KEY_FILE": tmp_path / "etc/agent-secrets/master.key"}


def test_the_directories_that_are_missing_are_made_for_this_user_alone(places, tmp_path):
    env_file = tmp_path / "settings" / "env"
    finished = run("init", "--organization", "acme", "--env-file", env_file, **places)
    assert finished.returncode == 0, finished.stderr
    for made in ("var", "var/lib", "var/lib/data", "etc", "etc/agent-secrets", "settings"):
        assert stat.S_IMODE((tmp_path / made).stat().st_mode) == 0o700, made
    # The message says where else the token is.
    assert finished.stdout.strip() in env_file.read_text()
    assert f"also in {env_file}" in finished.stderr and "once" not in finished.stderr


def test_a_directory_that_cannot_be_made_is_said_with_what_to_do(places, tmp_path):
    (tmp_path / "etc").write_text("a file")
    finished = run("init", "--organization", "acme", **places)
    assert finished.returncode == 1
    assert finished.stderr.startswith("secret-control-plane: error: create ") and "hint: " in finished.stderr
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("options, name", [((), "us-west"), (("--region-name", "Rack 4, Berlin"), "Rack 4, Berlin")])
def test_the_first_region_is_shown_by_its_code_unless_told_otherwise(places, options, name):
    assert run("init", "--organization", "acme", *options, **places).returncode == 0
    regions = json.loads(run("region", "list", "--json", **places).stdout)
    assert regions == [{"code": "us-west", "displayName": name}]


def test_certificates_are_recorded_at_once(places, tmp_path):
    certificate = tmp_path / "ca.pem"
    certificate.write_text("-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n")
    assert run("init", "--organization", "acme", "--ca", certificate, **places).returncode == 0
    assert run("credential", "ca", **places).stdout == certificate.read_text()
    (tmp_path / "again").mkdir()
    refused = run("init", "--organization", "acme", "--ca", tmp_path / "no.pem", **places)
    assert refused.returncode == 1 and "no.pem" in refused.stderr
