"""serve --on-deploy: what the operator's command is told, and what becomes of the deployment."""

import json
import os
import pathlib

import pytest

from support import official_cli
from support.canary import Search
from support.control_plane import ControlPlane
from support.wait import wait_for

CANARY = "canary-on-deploy-4711"


@pytest.fixture
def start(tmp_path):
    """start(command, …) serves with it; all end with the test."""
    running = []

    def begin(command, *options, **more):
        plane = ControlPlane(tmp_path / f"control-plane-{len(running)}",
                             serve_options=["--on-deploy", command, *options], **more)
        running.append(plane)
        return plane.__enter__()

    yield begin
    for plane in running:
        plane.__exit__()


def agent(plane, name="bot"):
    return plane.rest().org("GET", f"services/{name}").body["body"]


def events(plane, kind, name="bot"):
    listed = json.loads(plane.run("agent", "events", name, "--json").stdout)["events"]
    return [event["text"] for event in listed if event["kind"] == kind]


def settled(plane):
    return wait_for(lambda: (agent(plane)["ready"] or agent(plane)["errors"]) and agent(plane), 20, "the outcome")


def test_a_deployment_is_available_when_its_command_has_succeeded(start, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    plane = start(f"echo working; read line < {gate}")
    plane.rest().put_secrets("set1", A=CANARY)
    plane.wait_ready("set1")
    plane.rest().deploy("bot", secretSet="set1")
    wait_for(lambda: events(plane, "output") == ["working"], what="the command")
    waiting = agent(plane)
    assert (waiting["ready"], waiting["available"], waiting["reconciledDeploymentId"]) == (False, False, None)
    assert {"type": "Progressing", "status": "True"} in waiting["conditions"]
    gate.write_text("go\n")
    assert settled(plane)["ready"]
    search = Search({"the value": CANARY})
    assert search.tree(plane.directory) >= 3
    assert search.leaks == []


def test_a_failure_is_the_deployments_error_and_the_last_one_stays(start, tmp_path):
    broken = tmp_path / "broken"
    plane = start(f"if [ -e {broken} ]; then echo 'no [room]'; exit 3; fi")
    plane.rest().deploy("bot")
    first = settled(plane)["desiredDeploymentId"]
    broken.touch()
    plane.rest().redeploy("bot")
    failed = wait_for(lambda: agent(plane)["errors"] and agent(plane), what="the failure")
    assert failed["errors"] == [{"code": "ON_DEPLOY_FAILED",
                                 "message": "The deploy command failed: exit code 3: no (room)"}]
    assert (failed["ready"], failed["available"], failed["reconciledDeploymentId"]) == (False, True, first)
    assert failed["previousRevision"]["deploymentID"] == first
    broken.unlink()
    answer = plane.rest().org("PUT", "services", {"serviceName": "bot"})
    assert answer.body["errors"] == [] and "runs again" in answer.body["warning"]
    assert settled(plane)["ready"]


def test_a_command_that_takes_too_long_is_ended(start):
    plane = start("echo begun; exec sleep 1000", "--on-deploy-timeout", "1")
    plane.rest().deploy("bot")
    assert "timed out" in settled(plane)["errors"][0]["message"]


def test_scaling_and_deletion_are_told_too(start, tmp_path):
    told = tmp_path / "told"
    plane = start(f'echo "$AGENT_SECRETS_DEPLOY_EVENT $AGENT_SECRETS_DEPLOY_MIN_AGENTS" >> {told}')
    plane.rest().deploy("bot")
    settled(plane)
    plane.rest().org("PUT", "services", {"serviceName": "bot", "autoScaling": {"minAgents": 2}})
    wait_for(lambda: told.read_text().splitlines() == ["deploy 0", "scale 2"], what="the scaling")
    wait_for(lambda: plane.rest().org("DELETE", "services/bot").status == 200, what="the deletion")
    wait_for(lambda: told.read_text().splitlines()[2:] == ["delete 2"], what="word of it")


def test_a_server_that_is_killed_meanwhile_runs_the_command_again(start, tmp_path):
    runs = tmp_path / "runs"
    plane = start(f'echo run >> {runs}; [ "$(wc -l < {runs})" -gt 1 ] || exec sleep 1000')
    plane.rest().deploy("bot")
    wait_for(runs.exists, what="the first run")
    plane.kill()
    plane.start()
    assert settled(plane)["ready"]
    assert runs.read_text() == "run\nrun\n"


def command_line(pid):
    """Empty when the process has ended, also while nobody has waited for it."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


def test_a_server_that_is_killed_takes_its_command_with_it(start, tmp_path):
    pids = tmp_path / "pids"
    plane = start(f"sleep 1000 & echo $! $$ > {pids}.new; mv {pids}.new {pids}; wait")
    plane.rest().deploy("bot")
    command = wait_for(lambda: pids.exists() and pids.read_text().split(), what="the command")
    assert all(command_line(pid) for pid in command)
    plane.kill()
    wait_for(lambda: not any(command_line(pid) for pid in command), what="the end of the command")


def test_the_command_of_a_killed_server_has_ended_when_the_next_one_runs_it(start, tmp_path):
    lock, runs = tmp_path / "lock", tmp_path / "runs"
    # The lock lasts until the last process of the command has ended.
    plane = start(f"exec 9>{lock}; flock --nonblock 9 && echo alone >> {runs} || echo met >> {runs}; sleep 1000; :")
    plane.rest().deploy("bot")
    for count in range(1, 5):
        wait_for(lambda: runs.exists() and len(runs.read_text().split()) == count, what="the command")
        plane.kill()
        plane.start()
    assert runs.read_text() == "alone\n" * 4


def test_a_server_that_is_stopped_ends_its_command(start, tmp_path):
    pid_file = tmp_path / "pid"
    plane = start(f"echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; exec sleep 1000")
    plane.rest().deploy("bot")
    pid = int(wait_for(lambda: pid_file.exists() and pid_file.read_text().strip(), what="the command"))
    assert plane.stop() == 0
    wait_for(lambda: not command_line(pid), what="the end of the command")


def test_the_command_sees_no_key_of_the_server(start, tmp_path):
    seen = tmp_path / "seen"
    plane = start(f"env > {seen}.new; mv {seen}.new {seen}", environment={"AGENT_SECRETS_CANARY": CANARY, "OURS": "kept"})
    plane.rest().deploy("bot")
    wait_for(seen.exists, what="the command")
    assert "OURS=kept" in seen.read_text()
    assert CANARY not in seen.read_text()


def test_a_deploy_command_is_told_the_name_that_agent_deploy_name_prints(start, tmp_path):
    told = tmp_path / "told"
    plane = start(f'echo "$AGENT_SECRETS_DEPLOY_NAME" >> {told}')
    plane.run("organization", "add", "beta")
    token = plane.run("token", "create", "ci", "--organization", "beta").stdout.strip()
    expected = [plane.run("agent", "deploy-name", "bot", "--organization", name).stdout.strip()
                for name in ("acme", "beta")]
    assert expected == ["acme--bot", "beta--bot"]
    plane.rest().deploy("bot")
    beta = plane.rest(token)
    beta.organization = "beta"
    beta.deploy("bot")
    wait_for(lambda: told.exists() and sorted(told.read_text().split()) == expected, what="both deployments")
    refused = plane.run("agent", "deploy-name", "My_Bot", "--organization", "acme", check=False)
    assert refused.returncode == 1 and "Invalid service name 'My_Bot'" in refused.stderr


def test_slow_commands_of_one_organization_hold_up_no_other(start):
    plane = start('[ "$AGENT_SECRETS_DEPLOY_ORGANIZATION" = beta ] || exec sleep 1000')
    plane.run("organization", "add", "beta")
    token = plane.run("token", "create", "ci", "--organization", "beta").stdout.strip()
    for number in range(6):
        plane.rest().deploy(f"slow-{number}")
    beta = plane.rest(token)
    beta.organization = "beta"
    beta.deploy("quick")
    wait_for(lambda: beta.org("GET", "services/quick").body["body"]["ready"], what="the other organization's deployment")


def test_an_image_that_is_no_image_reference_reaches_no_command(start, tmp_path):
    told = tmp_path / "told"
    plane = start(f"echo run >> {told}")
    for image in ("--privileged", "-v=/:/host", "$(id)", "a b"):
        answer = plane.rest().deploy("bot", image)
        assert answer.status == 400 and "Invalid image" in answer.body["error"]
    assert plane.rest().org("GET", "services/bot").status == 404
    plane.rest().deploy("bot")
    assert settled(plane)["ready"]
    assert plane.rest().redeploy("bot", "--privileged").status == 400
    assert told.read_text() == "run\n"


def test_the_cli_stops_waiting_at_a_failure(start, tmp_path):
    if not official_cli.installed():
        pytest.skip("the official CLI is not installed; run script/bootstrap")
    plane = start("echo the registry is gone; exit 1")
    cli = official_cli.OfficialCli(plane.url, plane.token, plane.organization, tmp_path / "home")
    output = cli.fails("deploy", "bot", "demo/bot:1", "--yes")
    assert "the registry is gone" in output
    assert "ON_DEPLOY_FAILED" in cli.succeeds("agent", "status", "bot")
