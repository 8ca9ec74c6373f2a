"""The life of the package on a machine: installed, upgraded, removed, purged."""

import re
import subprocess

KEY = "/etc/agent-secrets/master.key"
SETTINGS = "/etc/agent-secrets/control-plane.conf"
DATA = "/var/lib/agent-secrets/data"


def state_of(machine, path):
    return machine.run("stat", "--format=%a %U:%G", path).strip()


def test_a_new_package_makes_no_data_and_says_how_to_make_it(machine, suite):
    said = machine.install(suite.package)
    assert "run: agent-secrets init --organization NAME" in said
    assert machine.service("ActiveState", "UnitFileState", "ConditionResult") == {
        "ActiveState": "inactive", "UnitFileState": "enabled", "ConditionResult": "no"}
    assert not machine.path(KEY).exists() and not machine.path(DATA).exists()
    assert state_of(machine, "/var/lib/agent-secrets") == "700 agent-secrets:agent-secrets"
    assert machine.try_run("systemctl", "is-failed", "secret-control-plane").returncode != 0


def test_init_makes_a_master_key_that_only_root_can_read(machine, suite):
    machine.install(suite.package)
    machine.run("agent-secrets", "init", "--organization", "acme")
    assert state_of(machine, KEY) == "600 root:root"
    assert state_of(machine, DATA) == "700 agent-secrets:agent-secrets"
    assert state_of(machine, "/var/lib/agent-secrets/agent-secrets.env") == "600 agent-secrets:agent-secrets"
    assert machine.try_run("cat", KEY, user="agent-secrets").returncode != 0
    key = machine.path(KEY).read_text()
    again = machine.try_run("agent-secrets", "init", "--organization", "other")
    assert again.returncode == 1 and machine.path(KEY).read_text() == key


def test_the_command_is_for_root(machine, suite):
    machine.install(suite.package)
    refused = machine.try_run("agent-secrets", "token", "list", user="nobody")
    assert refused.returncode == 1
    assert refused.stderr.startswith("agent-secrets: error: only root") and "\nhint: " in refused.stderr


def test_an_upgrade_keeps_data_and_settings_and_restarts_the_service(machine, suite):
    machine.install(suite.older_package)
    machine.run("agent-secrets", "init", "--organization", "acme")
    with open(machine.path(SETTINGS), "a") as settings:
        settings.write("SERVE_OPTIONS='--listen 127.0.0.1:7711'\n")
    machine.run("systemctl", "start", "secret-control-plane")
    machine.run("agent-secrets", "token", "create", "before-the-upgrade")
    before = machine.service("MainPID")
    machine.install(suite.package)
    assert machine.service("ActiveState")["ActiveState"] == "active"
    assert machine.service("MainPID") != before
    machine.run("secret-control-plane", "healthcheck", "127.0.0.1:7711")
    assert "before-the-upgrade" in machine.run("agent-secrets", "token", "list")


def test_what_is_removed_is_only_the_program(served):
    served.run("apt-get", "remove", "--yes", "agent-secrets-control-plane")
    assert served.service("ActiveState")["ActiveState"] == "inactive"
    assert not served.path("/usr/bin/secret-control-plane").exists()
    assert served.path(KEY).exists() and served.path(SETTINGS).exists() and served.path(f"{DATA}/catalog.db").exists()


def test_a_purge_keeps_the_data_unless_it_is_told_to_delete_it(served, suite):
    said = served.run("apt-get", "purge", "--yes", "agent-secrets-control-plane")
    assert "the data stays in /var/lib/agent-secrets" in said
    assert served.path(KEY).exists() and served.path(f"{DATA}/catalog.db").exists()
    assert not served.path(SETTINGS).exists()
    # It works again, with the same token.
    served.install(suite.package)
    served.run("systemctl", "start", "secret-control-plane")
    assert "first-admin" in served.run("agent-secrets", "token", "list")
    served.path("/etc/agent-secrets/delete-on-purge").touch()
    served.run("apt-get", "purge", "--yes", "agent-secrets-control-plane")
    assert not served.path("/etc/agent-secrets").exists() and not served.path("/var/lib/agent-secrets").exists()


def test_manual_and_completion_are_installed(machine, suite):
    machine.install(suite.package)
    completion = machine.path("/usr/share/bash-completion/completions/secret-control-plane").read_text()
    assert completion == machine.run("secret-control-plane", "completion", "bash")
    for page in ("secret-control-plane", "agent-secrets"):
        assert machine.path(f"/usr/share/man/man8/{page}.8.gz").exists()


def test_the_package_asks_for_the_libraries_that_it_needs(suite):
    depends = subprocess.run(["dpkg-deb", "--field", suite.package, "Depends"], check=True, capture_output=True,
                             text=True).stdout
    for library in ("libc6", "libpq5", "libsodium23", "libsqlite3-0", "libssl3"):
        assert re.search(rf"(^|, ){library}(t64)? \(>= ", depends), depends
