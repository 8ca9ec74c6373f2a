"""Kills the control plane's processes and PostgreSQL's primary in turn (kill -9), with synchronous replication under
Patroni and a mixed load. No acknowledged write is lost, no instance gets a half-written set, and no two deploy commands
of one agent run at the same time.

Each round kills a server or the primary, and prints the time until the next acknowledged write.
AGENT_SECRETS_FAILOVER_ROUNDS=30 runs 30 rounds."""

import os
import random
import statistics
import threading
import time

from support import protocol
from support.background import BackgroundThreads
from support.control_plane import ControlPlane, ControlPlaneFailed
from support.patroni import PatroniCluster
from support.replicas import replica_of, served
from support.wait import wait_for

ROUNDS = int(os.environ.get("AGENT_SECRETS_FAILOVER_ROUNDS", "2"))
AGENTS = ("bot0", "bot1")
FIXED_SET = "fixed"
RECOVERY_S = 180  # the limit of a round; a failover takes seconds on an idle machine

# Records two commands that run at the same time for one agent. The lock of a file ends with its process.
DEPLOY_COMMAND = """#!/bin/sh
exec 9> "{directory}/lock-$AGENT_SECRETS_DEPLOY_AGENT"
flock --nonblock 9 || echo "$AGENT_SECRETS_DEPLOY_AGENT" >> "{directory}/twice"
echo "$AGENT_SECRETS_DEPLOY_AGENT" >> "{directory}/ran"
sleep 0.3
"""


class Client:
    """Sends each request to any replica that answers, as a load balancer would."""

    def __init__(self, replicas):
        self._replicas = replicas

    def org(self, *arguments):
        """The first answer that is not a 503; None if no replica gives one."""
        for replica in random.sample(self._replicas, len(self._replicas)):
            try:
                answer = replica.rest().org(*arguments)
            except OSError:
                continue
            if answer.status < 500:
                return answer
            assert answer.status == 503 and "Retry-After" in answer.headers, (answer.status, answer.text)
        return None

    def served(self, credential):
        for replica in random.sample(self._replicas, len(self._replicas)):
            values = served(credential, replica.url)
            if values is not None:
                return values
        return None


class Load(BackgroundThreads):
    """One thread for each agent. It writes the same number into two keys of the agent's set, and reads the bundle.
    Every fifth time it deploys another agent, whose set does not change, because a set that was just written cannot be
    deployed yet."""

    def __init__(self, client, credentials):
        self._client = client
        self._ended = threading.Event()
        self.credentials = credentials
        self.acknowledged = dict.fromkeys(credentials, 0)
        self.attempted = dict.fromkeys(credentials, 0)
        self.last_acknowledged_at = 0.0
        self.writes = self.deploys = self.bundles = 0
        self.faults = []
        self._threads = [threading.Thread(target=self._run, args=(agent,)) for agent in credentials]

    def _run(self, agent):
        try:
            for number in range(1, 1_000_000):
                if self._ended.wait(0.05):
                    return
                self._write(agent, number)
                self._read(agent)
                if number % 5 == 0:
                    self._deploy(agent)
        except Exception as error:  # the test, which runs on another thread, checks the faults
            self.faults.append(f"{agent}: {error!r}")

    def _write(self, agent, number):
        self.attempted[agent] = number
        pairs = [{"secretKey": key, "secretValue": str(number)} for key in ("LEFT", "RIGHT")]
        answer = self._client.org("PUT", f"secrets/set-{agent}", {"secrets": pairs})
        if answer is not None and answer.status == 202:
            self.acknowledged[agent] = number
            self.last_acknowledged_at = time.monotonic()
            self.writes += 1

    def _deploy(self, agent):
        body = {"serviceName": f"deployed-{agent}", "image": "demo/bot:1", "autoScaling": {"minAgents": 0},
                "secretSet": FIXED_SET, "forceRedeploy": True}
        answer = self._client.org("PUT", "services", body)
        if answer is not None:
            assert answer.status == 200, answer.text
            self.deploys += 1

    def _read(self, agent):
        values = self._client.served(self.credentials[agent])
        if values is None:
            return
        self.bundles += 1
        if values["LEFT"] != values["RIGHT"]:
            self.faults.append(f"{agent}: a half-written set, {values}")


def test_kills_of_servers_and_of_the_primary_lose_no_acknowledged_write(tmp_path):
    (tmp_path / "deploys").mkdir()
    command = tmp_path / "deploys/command"
    command.write_text(DEPLOY_COMMAND.format(directory=tmp_path / "deploys"))
    command.chmod(0o700)
    on_deploy = ["--on-deploy", str(command)]
    with PatroniCluster() as cluster, \
            ControlPlane(tmp_path / "one", database=cluster.url, serve_options=on_deploy) as one, \
            replica_of(one, tmp_path / "two", serve_options=on_deploy) as two:
        replicas = [one, two]
        client = Client(replicas)
        assert one.rest().put_secrets(FIXED_SET, A="1").status == 202
        one.wait_ready(FIXED_SET, 60)
        credentials = {agent: make_agent(one, agent) for agent in AGENTS}
        recoveries = {"server": [], "primary": []}
        with Load(client, credentials) as load:
            wait_for(lambda: min(load.acknowledged.values()) > 0, 60, "the first writes", 0.1)
            for number in range(ROUNDS):
                kind = "primary" if number % 2 == 0 else "server"
                recoveries[kind].append(round_of(kind, number, cluster, replicas, load))
        assert load.faults == []
        for agent in AGENTS:
            expect_everything(client, load, agent)
        assert not (tmp_path / "deploys/twice").exists()
        assert load.deploys > 0 and len((tmp_path / "deploys/ran").read_text().split()) > 2 * len(AGENTS)
        noticed = [replica for replica in replicas if "the database has failed over" in replica.log_path.read_text()]
        assert noticed == replicas
        report(load, recoveries, tmp_path)


def make_agent(control_plane, agent):
    rest = control_plane.rest()
    assert rest.put_secrets(f"set-{agent}", LEFT="0", RIGHT="0").status == 202
    control_plane.wait_ready(f"set-{agent}", 60)
    for name, more in ((agent, {"secretSet": f"set-{agent}", "secretVersion": "latest"}),
                       (f"deployed-{agent}", {"secretSet": FIXED_SET})):
        answer = rest.deploy(name, **more)
        assert answer.status == 200, answer.text
    return protocol.Credential.parse(control_plane.issue_credential(agent))


def round_of(kind, number, cluster, replicas, load):
    """Returns the seconds from the kill to the next acknowledged write."""
    cluster.wait_for_standby(RECOVERY_S)
    time.sleep(random.uniform(0.2, 1.0))  # so that each round kills at another moment of the load
    if kind == "primary":
        node = cluster.wait_for_primary()
        killed_at = time.monotonic()
        node.kill_server()
    else:
        replica = replicas[number // 2 % len(replicas)]
        killed_at = time.monotonic()
        replica.kill()
        wait_for(lambda: starts(replica), RECOVERY_S, "the start of the server", 0.5)
    # Writes that were running at the kill do not count: the other processes of the killed server end a moment later.
    settled_at = killed_at + 1
    wait_for(lambda: load.last_acknowledged_at > settled_at or load.faults, RECOVERY_S, "an acknowledged write", 0.05)
    assert load.faults == []
    print(f"round {number + 1}: {kind} killed, {load.last_acknowledged_at - killed_at:.1f} s", flush=True)
    return load.last_acknowledged_at - killed_at


def starts(replica):
    """Starts the server, as systemd or Kubernetes would: it ends if it finds no primary, and is started again."""
    try:
        replica.start()
        return True
    except ControlPlaneFailed:
        return False


def expect_everything(client, load, agent):
    """Waits until the last acknowledged write is served, or a later write that was not answered."""
    def is_served():
        values = client.served(load.credentials[agent])
        return values and load.acknowledged[agent] <= int(values["LEFT"]) <= load.attempted[agent]
    wait_for(is_served, 60, f"the last write of {agent} ({load.acknowledged[agent]})", 0.2)


def report(load, recoveries, tmp_path):
    print(f"\n{load.writes} writes acknowledged, {load.deploys} deploys, {load.bundles} bundles read, "
          f"{len((tmp_path / 'deploys/ran').read_text().split())} deploy commands")
    for kind, times in recoveries.items():
        if times:
            print(f"kill -9 of the {kind}: {len(times)} rounds, s to the next acknowledged write: "
                  f"min {min(times):.1f}, median {statistics.median(times):.1f}, max {max(times):.1f}")
