"""The fleet view beside a running control plane: two hundred instances over the real protocol."""

import collections
import json
import re
import subprocess

from support import programs
from support.fleet import SimulatedFleet
from support.instance import Instance
from support.wait import wait_for

SIZE = 200
SERIES = re.compile(r'^agent_secrets_instances\{(.*)\} (\d+)$', re.MULTILINE)


def version_of(row):
    return row["sets"][0]["version"] if row["sets"] else None


def counted(rows):
    """{(version, state): how many}"""
    return dict(collections.Counter((version_of(row), row["state"]) for row in rows))


class Views:
    """The four places that count instances."""

    def __init__(self, control_plane, rest):
        self._control_plane = control_plane
        self._rest = rest

    def command(self, *arguments):
        return json.loads(self._control_plane.run(*arguments, "--json").stdout)

    def by_command(self):
        agents = self.command("fleet", "bot")["agents"]
        return counted(agents[0]["instances"]) if agents else {}

    def by_rest(self):
        body = self._rest.request("GET", "/v1/agents/bot/instances").body
        assert body["instanceCount"] == len(body["instances"])
        return counted(body["instances"])

    def by_metrics(self):
        counts = {}
        for labels, value in SERIES.findall(self._rest.request("GET", "/metrics").text):
            named = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            assert (named["organization"], named["agent"]) == ("acme", "bot")
            key = (int(named["version"]), named["state"])
            counts[key if named["watched"] == "true" else (*key, "not watched")] = int(value)
        return counts

    def by_set(self):
        """{version: (instances, verdict)}, all instances, and the verdict on every other version."""
        status = self.command("set", "status", "keys")
        versions = {row["version"]: (row["instances"], row["safeToRevoke"]) for row in status["versions"]}
        return versions, status["instances"], status["everyOtherVersion"]["safeToRevoke"]

    def expect(self, counts, versions, others):
        """Waits until reports of a second ago are in, those of watches too; then all four agree, exactly."""
        wait_for(lambda: self.by_metrics() == counts, 10, f"seeing {counts}")
        assert self.by_rest() == counts
        assert self.by_command() == counts
        assert self.by_set() == (versions, sum(counts.values()), others)
        sessions = self._rest.request("GET", "/v1/agents/bot").body["activeSessionCount"]
        assert sessions == sum(counts.values())


def roll(control_plane, rest, value):
    assert rest.put_secrets("keys", TOKEN=value).status == 202
    control_plane.wait_ready("keys")


def test_the_fleet_view_is_exact_while_versions_roll(control_plane, rest):
    roll(control_plane, rest, "one")
    assert rest.deploy("bot", secretSet="keys").status == 200
    views = Views(control_plane, rest)
    assert views.by_rest() == {}
    with SimulatedFleet(control_plane.issue_credential("bot"), SIZE) as fleet:
        fleet.start()
        views.expect({(1, "current"): SIZE}, {1: (SIZE, "no")}, "yes")

        roll(control_plane, rest, "two")
        wait_for(lambda: fleet.states() == {"stale": SIZE}, what="every instance hearing of version 2")
        views.expect({(1, "stale"): SIZE}, {2: (0, "no"), 1: (SIZE, "no")}, "yes")

        assert rest.redeploy("bot", secretSet="keys").status == 200
        wait_for(lambda: fleet.states() == {"superseded": SIZE}, what="every instance hearing of the deployment")
        views.expect({(1, "superseded"): SIZE}, {2: (0, "no"), 1: (SIZE, "no")}, "yes")

        replaced = 0
        for upto in (1, 2, 77, SIZE - 1):
            rolling = fleet.begin_start(fleet.instances[replaced:upto])
            while not rolling.done():
                assert sum(views.by_rest().values()) == SIZE
            rolling.result()
            replaced = upto
            old = SIZE - replaced
            views.expect({(2, "current"): replaced, (1, "superseded"): old},
                         {2: (replaced, "no"), 1: (old, "no")}, "yes")
        text = control_plane.run("fleet", "bot").stdout
        assert f"bot: {SIZE} instances, {SIZE} sessions; 1 of {SIZE} instances still on version 1 of keys" in text
        assert "\x1b" not in text

        fleet.start(fleet.instances[replaced:])
        views.expect({(2, "current"): SIZE}, {2: (SIZE, "no")}, "yes")

        # A third version while one instance is behind by a whole deployment.
        roll(control_plane, rest, "three")
        rest.redeploy("bot", secretSet="keys")
        fleet.start(fleet.instances[1:])
        views.expect({(3, "current"): SIZE - 1, (2, "superseded"): 1}, {3: (SIZE - 1, "no"), 2: (1, "no")}, "yes")


def test_an_instance_without_a_sidecar_keeps_its_version_from_being_safe(control_plane, rest, tmp_path):
    roll(control_plane, rest, "one")
    rest.deploy("bot", secretSet="keys")
    views = Views(control_plane, rest)
    text = control_plane.issue_credential("bot")
    with SimulatedFleet(text, 2) as fleet:
        fleet.start(fleet.instances[:1])
        fleet.start(fleet.instances[1:], sidecar=False)
        roll(control_plane, rest, "two")
        rest.redeploy("bot", secretSet="keys")
        # Looking at the new bundle, in the container that runs the old one, is not a start with it.
        environment = programs.clean_environment(AGENT_SECRETS_CREDENTIAL=text, HOSTNAME="host-1")
        checked = subprocess.run([programs.injector_program(), "check", "--state-dir", tmp_path], env=environment,
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        assert checked.returncode in (0, 1), checked.stdout
        fleet.start(fleet.instances[:1])
        wait_for(lambda: views.by_set()[0] == {2: (1, "no"), 1: (1, "unknown")}, what="the reports")
    text = control_plane.run("set", "status", "keys").stdout
    assert "v1: 1 of 2 instances" in text
    assert "safe to revoke: unknown (1 instance without a sidecar started with it" in text
    assert "1 without a sidecar since" in text and ": host-1\n" in text
    # The operator has looked: it is gone.
    control_plane.run("fleet", "bot", "--forget", "host-1")
    assert views.by_set() == ({2: (1, "no")}, 1, "yes")
    refused = control_plane.run("fleet", "bot", "--forget", "host-1", check=False)
    assert refused.returncode == 1
    assert "has no instance 'host-1'" in refused.stderr


def test_reports_outlive_a_restart_of_the_control_plane(control_plane, rest):
    roll(control_plane, rest, "one")
    rest.deploy("bot", secretSet="keys")
    views = Views(control_plane, rest)
    with SimulatedFleet(control_plane.issue_credential("bot"), 3) as fleet:
        fleet.start()
        wait_for(lambda: views.by_rest() == {(1, "current"): 3}, what="the reports")
    assert control_plane.stop() == 0
    assert views.by_command() == {(1, "current"): 3}
    control_plane.start()
    assert views.by_rest() == {(1, "current"): 3}


def test_a_real_injector_and_its_sidecar_are_seen(control_plane, rest, tmp_path):
    roll(control_plane, rest, "one")
    rest.deploy("bot", secretSet="keys")
    views = Views(control_plane, rest)
    with Instance(tmp_path / "instance", control_plane.issue_credential("bot")):
        wait_for(lambda: views.by_rest() == {(1, "current"): 1}, what="the instance in the fleet")

        def row():
            return views.command("fleet", "bot")["agents"][0]["instances"][0]

        wait_for(lambda: row()["watched"], what="its sidecar's watch")
        roll(control_plane, rest, "two")
        wait_for(lambda: row()["state"] == "stale", what="the newer version in the fleet")
        assert row()["sets"] == [{"name": "keys", "version": 1}]


def test_an_agent_or_a_region_that_is_not_there_is_no_empty_fleet(control_plane, rest):
    for wrong in (("fleet", "nobody"), ("fleet", "--region", "mars"), ("set", "status", "nothing")):
        refused = control_plane.run(*wrong, check=False)
        assert refused.returncode == 1, wrong
        assert "error: no " in refused.stderr
    rest.deploy("bot")
    assert control_plane.run("fleet", "bot").stdout == "no instance has been heard of\n"
