"""An organization for the web page: two regions, sets with several versions, agents, instances on old and new versions,
people, tokens, and a token of each role."""

import contextlib

from support.control_plane import ControlPlane, Tls
from support.fleet import SimulatedFleet
from support.tls import Authority
from support.wait import wait_for

KEYS = {"OPENAI_API_KEY": "sk-first", "DEEPGRAM_API_KEY": "dg-first", "CARTESIA_API_KEY": "ca-first"}


@contextlib.contextmanager
def serving(directory, **options):
    """A control plane over TLS."""
    authority = Authority(directory / "ca")
    certificate, key = authority.server_certificate()
    with ControlPlane(directory / "plane", tls=Tls(certificate, key, authority.certificate), **options) as running:
        yield running


class WebWorld:
    def __init__(self, control_plane):
        self.control_plane = control_plane
        self.url = control_plane.url
        self.rest = control_plane.rest()
        self.tokens = {}
        self._fleets = []

    def __enter__(self):
        self._make_people()
        self.write("support-keys", **KEYS)
        self.rest.put_secrets("clinic-keys", EPIC_CLIENT_SECRET="epic-first", TWILIO_AUTH_TOKEN="tw-first")
        self.control_plane.wait_ready("clinic-keys")
        self.rest.put_image_pull_secret("ghcr")
        for agent, secret_set in (("support-bot", "support-keys"), ("sales-bot", "support-keys"), ("intake", "clinic-keys")):
            answer = self.rest.deploy(agent, image=f"registry.example.com/bots/{agent}:1", secretSet=secret_set)
            assert answer.status == 200, answer
        self.old, self.sales, self.intake = self.fleet("support-bot", 9), self.fleet("sales-bot", 12), self.fleet("intake", 4)
        self.write("support-keys", OPENAI_API_KEY="sk-second")
        assert self.rest.redeploy("support-bot", image="registry.example.com/bots/support-bot:2").status == 200
        self.new = self.fleet("support-bot", 31, "pod")
        self.control_plane.run("set", "protect", "support-keys", "--organization", "acme")
        wait_for(self._all_heard, what="reports of all instances")
        return self

    def __exit__(self, *_):
        for fleet in self._fleets:
            fleet.__exit__()

    def _run(self, *arguments):
        return self.control_plane.run(*arguments, "--organization", "acme").stdout.strip()

    def _make_people(self):
        for name in ("vera", "otto"):
            self.control_plane.run("user", "add", name)
        self._run("member", "add", "vera", "--role", "admin")
        self._run("member", "add", "otto", "--role", "viewer")
        for role in ("viewer", "member", "admin"):
            self.tokens[role] = self._run("token", "create", f"the-{role}", "--role", role)

    def _all_heard(self):
        agents = self.rest.org("GET", "fleet").body["agents"]
        return sum(agent["instanceCount"] for agent in agents) == 56

    def write(self, name, **pairs):
        assert self.rest.put_secrets(name, **pairs).status == 202
        self.control_plane.wait_ready(name)

    def fleet(self, agent, size, name="host"):
        credential = self.control_plane.issue_credential(agent)
        fleet = SimulatedFleet(credential, size, self.control_plane.tls.ca, name)
        fleet.__enter__()
        self._fleets.append(fleet)
        fleet.start()
        return fleet
