"""Runs by hand: shown apart from the instances, under one id a host, and in nobody's way after a day."""

import contextlib
import json
import os
import pty
import re
import socket
import subprocess

import pytest

from support import programs
from support.wait import wait_for

HOST = socket.gethostname()
pytestmark = pytest.mark.skipif(HOST.startswith("localhost"), reason="this host has no name of its own")


@contextlib.contextmanager
def terminal():
    """The end that a program gets."""
    ours, theirs = pty.openpty()
    try:
        yield theirs
    finally:
        os.close(ours)
        os.close(theirs)


class Scene:
    """An agent with version 1 of "keys". No run has HOSTNAME, as where bash starts it."""

    def __init__(self, control_plane, rest):
        self.control_plane = control_plane
        self.rest = rest
        self.write("one")
        assert rest.deploy("bot", secretSet="keys").status == 200
        self.credential = control_plane.issue_credential("bot")

    def write(self, value):
        assert self.rest.put_secrets("keys", TOKEN=value).status == 202
        self.control_plane.wait_ready("keys")

    def run(self, *options, on_terminal=True, prefix=()):
        argv = [*prefix, programs.injector_program(), *options, "--", "/usr/bin/printenv", "TOKEN"]
        with terminal() as stdin:
            finished = subprocess.run(
                [str(word) for word in argv], stdin=stdin if on_terminal else subprocess.DEVNULL, capture_output=True,
                text=True, timeout=60, env=programs.clean_environment(AGENT_SECRETS_CREDENTIAL=self.credential))
        assert finished.returncode == 0, finished.stderr
        return finished

    def fleet(self):
        """The ids of instances, and those of developers' runs with their sequences."""
        agents = json.loads(self.control_plane.run("fleet", "bot", "--json").stdout)["agents"]
        if not agents:
            return [], []
        return ([row["instance"] for row in agents[0]["instances"]],
                [(row["instance"], row["sequence"]) for row in agents[0]["developerRuns"]])

    def status(self, version):
        status = json.loads(self.control_plane.run("set", "status", "keys", "--json").stdout)
        return next((row for row in status["versions"] if row["version"] == version), status["everyOtherVersion"])

    def forget(self, *arguments, check=True):
        return self.control_plane.run("fleet", "bot", "--forget", *arguments, check=check)


@pytest.fixture
def scene(control_plane, rest):
    return Scene(control_plane, rest)


def test_many_runs_on_a_terminal_are_one_line_apart_from_the_instances(scene):
    for _ in range(5):
        assert scene.run().stderr == ""
    scene.write("two")
    assert scene.rest.redeploy("bot", secretSet="keys").status == 200
    scene.run()
    wait_for(lambda: len(scene.fleet()[1]) == 2, what="the runs of both releases")
    instances, runs = scene.fleet()
    assert instances == []
    assert {name for name, _ in runs} == {f"{HOST}.develop"}
    old = scene.status(1)
    assert (old["safeToRevoke"], old["instances"], old["developerRuns"]) == ("unknown", 0, 1)
    assert old["reason"].startswith("1 developer's run started with it in the last 24 h")
    answer = scene.rest.request("GET", "/v1/agents/bot/instances").body
    assert (answer["instanceCount"], answer["unwatchedCount"], answer["developerRunCount"]) == (0, 0, 2)
    metrics = scene.rest.request("GET", "/metrics").text
    assert 'agent_secrets_developer_runs{organization="acme",agent="bot"} 2\n' in metrics
    assert "agent_secrets_instances{" not in metrics
    text = scene.control_plane.run("fleet", "bot").stdout
    assert re.search(rf"^bot +{HOST}\.develop +current +keys v2 ", text, re.MULTILINE)
    assert text.endswith("bot: 0 instances, 0 sessions; 2 developers' runs\n")


def test_a_run_without_a_terminal_is_an_instance_by_the_hosts_name(scene):
    for _ in range(3):
        scene.run(on_terminal=False)
    wait_for(lambda: scene.fleet() == ([HOST], []), what="the instance")


def test_the_purpose_decides_where_the_guess_is_wrong(scene):
    scene.run("--purpose", "bot")
    wait_for(lambda: scene.fleet() == ([HOST], []), what="the instance on a terminal")
    scene.run("--purpose", "one-shot")
    told = scene.run("-v", "--purpose", "develop", on_terminal=False).stderr
    assert "the control plane is told of a developer's run" in told
    wait_for(lambda: [name for name, _ in scene.fleet()[1]] == [f"{HOST}.develop"], what="the developer's run")
    assert scene.fleet()[0] == [HOST]


def test_a_developers_run_does_not_hide_the_bot_of_the_same_host(scene):
    scene.run(on_terminal=False)
    scene.write("two")
    assert scene.rest.redeploy("bot", secretSet="keys").status == 200
    scene.run()
    wait_for(lambda: scene.fleet()[1], what="the developer's run")
    assert scene.fleet()[0] == [HOST]
    assert scene.status(1)["reason"].startswith("1 instance without a sidecar started with it")


@pytest.mark.skipif(os.geteuid() != 0, reason="a PID namespace needs root")
def test_the_entrypoint_of_a_container_is_the_bot_also_on_a_terminal(scene):
    scene.run(prefix=("/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "--kill-child"))
    wait_for(lambda: scene.fleet() == ([HOST], []), what="the instance")


def test_many_are_forgotten_by_their_age(scene):
    scene.run(on_terminal=False)
    scene.run()
    wait_for(lambda: all(scene.fleet()), what="both")
    assert scene.forget("--older-than", "1d").stderr.startswith("0 instances of agent 'bot' forgotten, ")
    assert all(scene.fleet())
    wait_for(lambda: "0 instances" not in scene.forget("--older-than", "1s").stderr, what="their age")
    wait_for(lambda: scene.forget("--older-than", "1s") and scene.fleet() == ([], []), what="an empty fleet")
    for wrong in ((), ("host", "--older-than", "1d"), ("--older-than", "0s"), ("--older-than", "soon")):
        refused = scene.forget(*wrong, check=False)
        assert refused.returncode == 2, wrong
        assert refused.stderr != ""
