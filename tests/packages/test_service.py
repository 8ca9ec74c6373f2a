"""secret-control-plane.service under a booted systemd, in its sandbox."""

import re

from support.wait import wait_for

UNIT = "secret-control-plane.service"
WORST_EXPOSURE = 1.5  # systemd-analyze security; 10 is no sandbox


def restart(machine, options):
    with open(machine.path("/etc/agent-secrets/control-plane.conf"), "a") as settings:
        settings.write(f"SERVE_OPTIONS='{options}'\n")
    return machine.try_run("systemctl", "restart", UNIT)


def test_systemd_finds_nothing_wrong_with_the_unit(machine, suite):
    machine.install(suite.package)
    unit = machine.service("FragmentPath")["FragmentPath"]
    # The machine has no man(1), with which the page would be looked for.
    verified = machine.try_run("systemd-analyze", "verify", "--man=no", unit)
    assert (verified.returncode, verified.stderr.strip()) == (0, "")
    assert "man:secret-control-plane(8)" in machine.service("Documentation")["Documentation"]
    assert machine.path("/usr/share/man/man8/secret-control-plane.8.gz").is_file()
    judged = machine.run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    (figure,) = re.findall(rf"Overall exposure level for {UNIT}: ([\d.]+)", judged)
    assert float(figure) <= WORST_EXPOSURE, judged


def test_the_service_is_ready_when_systemd_says_so(served):
    state = served.service("ActiveState", "Type", "NRestarts", "StatusText")
    assert (state["ActiveState"], state["Type"], state["NRestarts"]) == ("active", "notify", "0")
    assert "127.0.0.1:7710" in state["StatusText"]
    served.run("secret-control-plane", "healthcheck")


def test_the_service_has_no_rights(served):
    pid = served.service("MainPID")["MainPID"]
    status = served.run("cat", f"/proc/{pid}/status")
    assert set(re.findall(r"^Cap\w+:\t(\w+)$", status, re.MULTILINE)) == {"0" * 16}
    assert "\nNoNewPrivs:\t1\n" in status and "\nSeccomp:\t2\n" in status
    assert served.run("ps", "-o", "user=", "-p", pid).strip() == "agent-secrets"


def test_the_service_reads_the_master_key_as_a_credential_of_systemd(served):
    credential = f"/run/credentials/{UNIT}/master-key"
    assert served.run("cat", credential, user="agent-secrets") == served.path("/etc/agent-secrets/master.key").read_text()
    assert served.try_run("cat", "/etc/agent-secrets/master.key", user="agent-secrets").returncode != 0
    assert served.try_run("cat", credential, user="nobody").returncode != 0


def test_a_reload_reads_the_log_level_again(machine, suite):
    machine.install(suite.package)
    machine.run("agent-secrets", "init", "--organization", "acme")
    machine.path("/etc/agent-secrets/log-level").write_text("warning\n")
    assert restart(machine, "--log-level-file /etc/agent-secrets/log-level").returncode == 0
    machine.run("secret-control-plane", "healthcheck")
    assert '"GET /readyz"' not in machine.journal()
    machine.path("/etc/agent-secrets/log-level").write_text("info\n")
    machine.run("systemctl", "reload", UNIT)

    def logs_a_request():
        machine.run("secret-control-plane", "healthcheck")
        return '"GET /readyz"' in machine.journal()

    wait_for(logs_a_request, what="the level's change")


def test_the_watchdog_restarts_a_server_that_stands_still(served):
    """systemd's own time-out is shortened: 30 s is long for a test."""
    assert served.service("WatchdogUSec") == {"WatchdogUSec": "30s"}
    served.run("mkdir", "-p", "/run/systemd/system/secret-control-plane.service.d")
    served.run("tee", "/run/systemd/system/secret-control-plane.service.d/short.conf", text="[Service]\nWatchdogSec=2\n")
    served.run("systemctl", "daemon-reload")
    served.run("systemctl", "restart", UNIT)
    served.run("kill", "-STOP", served.service("MainPID")["MainPID"])
    wait_for(lambda: served.service("NRestarts")["NRestarts"] == "1", 30, "the restart")
    wait_for(lambda: served.service("ActiveState")["ActiveState"] == "active", 30, "the start")
    assert "Watchdog timeout" in served.run("journalctl", "--no-pager", "--output=cat")


def test_the_sandbox_executes_no_deploy_command_and_the_example_lifts_that(served):
    """A shell starts the command: without it, a deployment fails."""
    pid = served.service("MainPID")["MainPID"]
    in_sandbox = ["nsenter", f"--target={pid}", "--mount", "--"]
    refused = served.try_run(*in_sandbox, "/bin/true")
    assert refused.returncode != 0 and "Permission denied" in refused.stderr
    served.run("groupadd", "docker")
    served.run("install", "-D", "--mode=644", "/usr/share/doc/agent-secrets-control-plane/examples/on-deploy.conf",
               f"/etc/systemd/system/{UNIT}.d/on-deploy.conf")
    served.run("systemctl", "daemon-reload")
    assert restart(served, '--on-deploy true').returncode == 0
    pid = served.service("MainPID")["MainPID"]
    assert served.try_run("nsenter", f"--target={pid}", "--mount", "--", "/bin/true").returncode == 0
    assert "docker" in served.run("ps", "-o", "supgrp=", "-p", pid)


def test_a_stop_is_clean(served):
    served.run("systemctl", "stop", UNIT)
    assert served.service("ActiveState", "Result", "ExecMainStatus") == {
        "ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"}
