"""Every route × every kind of caller, against a real server: the table of docs/rights.md."""

import collections
import http.client
import itertools
import json
import subprocess
import urllib.parse

import pytest

from support import programs, protocol, rights_table
from support.replicas import new_control_plane
from support.rest import Rest
from support.rights_table import CALLERS, ROLE_OF, ROWS, WITH_TOKEN
from support.sidecar import watch_credential
from support.wait import wait_for

NAMES = {"org": "acme", "set": "spare", "key": "A", "name": "spare-bot", "id": "none.1", "region": "us-west",
         "path": "app.js"}


class Scene:
    """The organization acme, another one, and a caller of each kind. The objects that rows need are made and
    changed by an admin, who is none of the callers."""

    def __init__(self, control_plane):
        self.control_plane = control_plane
        self.rest = control_plane.rest()
        self.rest.put_secrets("bot-secrets", A="1")
        control_plane.wait_ready("bot-secrets")
        assert self.rest.deploy("bot", secretSet="bot-secrets").status == 200
        credential = control_plane.issue_credential("bot")
        self.credentials = {"agent credential": protocol.Credential.parse(credential),
                            "watch credential": protocol.Credential.parse(watch_credential(credential))}
        self.tokens = self._make_tokens()
        self.address = 0
        self.numbers = itertools.count()
        self.answered = {}  # by operation
        self.recorded = {}  # the new audit records of a caller, by operation and caller

    def _run(self, *arguments):
        return self.control_plane.run(*arguments).stdout.strip()

    def _make_tokens(self):
        self._run("organization", "add", "other")
        acme = ("--organization", "acme")
        tokens = {role: self._run("token", "create", role, "--role", role, *acme)
                  for role in ("viewer", "member", "admin")}
        tokens["revoked"] = self._run("token", "create", "revoked", "--role", "admin", *acme)
        self._run("token", "revoke", "revoked", *acme)
        tokens["expired"] = self._run("token", "create", "expired", "--role", "admin", "--expires", "1s", *acme)
        tokens["other organization"] = self._run(
            "token", "create", "elsewhere", "--role", "admin", "--organization", "other")
        for kind in ("private", "public"):
            tokens[f"{kind} key"] = self._run("api-key", "create", kind, "--type", kind, *acme)
        expired = Rest(self.control_plane.url, tokens["expired"], "acme")
        wait_for(lambda: expired.request("GET", "/v1/users").status == 401, what="the token's expiry")
        return tokens

    # What rows need before each request. Each returns what replaces a parameter of the path.

    def elsewhere(self):
        return Rest(self.control_plane.url, self.tokens["other organization"], "other")

    def a_set(self):
        assert self.elsewhere().org("DELETE", "secrets/spare").status in (200, 404)
        for key in ("A", "B"):
            assert self.rest.put_secrets("spare", **{key: "1"}).status == 202

    def an_agent(self):
        if self.rest.org("GET", "services/spare-bot").status == 404:
            assert self.rest.deploy("spare-bot").status == 200

    def no_fresh_agent(self):
        for rest in (self.rest, self.elsewhere()):
            assert rest.org("DELETE", "services/fresh").status in (200, 404)

    def room_for_a_key(self):
        for key in self.rest.org("GET", "apiKeys").body["public"]:
            if key["metadata"]["name"] == "page":
                assert self.rest.org("DELETE", f"apiKeys/{key['id']}").status == 200

    def a_public_key(self):
        self.room_for_a_key()
        made = self.rest.org("POST", "apiKeys", {"name": "page", "type": "public"})
        assert made.status == 201
        return {"id": made.body["id"]}

    def a_checkpoint(self):
        wait_for(lambda: self.rest.org("GET", "audit/checkpoint").status == 200, what="the first checkpoint")

    def audit_records(self, caller, after=0):
        """Of the caller's organization, oldest first."""
        rest = self.elsewhere() if caller == "other organization" else self.rest
        answer = rest.org("GET", "audit")
        assert answer.status == 200
        return [record for record in reversed(answer.body["records"]) if record["id"] > after]

    def a_public_half(self):
        """Another one for each request."""
        self.an_agent()
        return {"body": self.new_public_half()}

    def new_public_half(self):
        seed = self.control_plane.directory / f"{next(self.numbers)}.seed"
        made = subprocess.run([programs.injector_program(), "keygen", seed], check=True, capture_output=True, text=True)
        return json.loads(made.stdout)

    def a_credential(self):
        self.an_agent()
        half = self.new_public_half()
        assert self.rest.org("POST", "services/spare-bot/credentials", half).status == 201
        return {"kid": half["kid"]}

    def no_page_token(self):
        for token in self.rest.org("GET", "tokens").body["tokens"]:
            if token["name"] == "page" and not token["revokedAt"]:
                assert self.rest.org("DELETE", f"tokens/{token['id']}").status == 200

    def a_page_token(self):
        self.no_page_token()
        assert self.rest.org("POST", "tokens", {"name": "page"}).status == 201
        return {"id": next(token["id"] for token in self.rest.org("GET", "tokens").body["tokens"]
                           if token["name"] == "page" and not token["revokedAt"])}

    def a_new_name(self):
        return {"name": f"user-{next(self.numbers)}"}

    def a_member(self):
        name = f"user-{next(self.numbers)}"
        assert self.rest.org("PUT", f"members/{name}", {"role": "viewer"}).status == 200
        return {"name": name}

    def state(self):
        """What the REST API shows of acme, without what time alone changes."""
        paths = ("secrets", "secrets/spare", "apiKeys", "properties", "tokens", "members", "credentials")
        shown = {path: self.rest.org("GET", path).body for path in paths}
        agents = self.rest.org("GET", "services").body["services"]
        shown["agents"] = {agent["name"]: agent["desiredDeploymentId"] for agent in agents}
        for each in (*shown["secrets"]["sets"], shown["secrets/spare"]):
            each.pop("status", None)
            each.pop("readyVersion", None)
        for each in (*shown["tokens"]["tokens"], *shown["apiKeys"]["private"], *shown["credentials"]["credentials"]):
            each.pop("lastUsedAt")
        return json.dumps(shown)

    # One cell

    def authorization(self, caller, method, target):
        if caller in self.credentials:
            return protocol.proof(self.credentials[caller], target, htm=method)
        return f"Bearer {self.tokens[caller]}" if caller in self.tokens else None

    def ask(self, row, caller, changed):
        """The status. Each request has an address of its own, because many wrong tokens of one address get 429."""
        target = row.path.format_map(collections.defaultdict(lambda: "any", NAMES | changed))
        authorization = self.authorization(caller, row.method, target)
        where = urllib.parse.urlsplit(self.control_plane.url)
        self.address += 1
        source = f"127.77.{self.address // 250}.{self.address % 250 + 1}"
        connection = http.client.HTTPConnection(where.netloc, timeout=30, source_address=(source, 0))
        headers = {"Authorization": authorization} if authorization else {}
        body = changed.get("body", row.body)
        body = None if body is None else json.dumps(body)
        try:
            connection.request(row.method, target, body, headers | {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status in (401, 403):
            assert json.loads(text)["error"], "a refusal without a reason: the official CLI would report success"
        return response.status

    def make(self, row):
        return (getattr(self, row.make)() if row.make else None) or {}

    def ask_and_read_the_audit_log(self, row, caller):
        made = self.make(row)
        last = self.audit_records(caller)[-1]["id"]
        before = self.state()
        status = self.ask(row, caller, made)
        assert caller in row.allowed or self.state() == before, f"{row.operation} changed something for {caller}"
        self.recorded[row.operation, caller] = self.audit_records(caller, after=last)
        return status

    def answers(self, row):
        """The status for each caller. The callers that are refused change nothing in acme."""
        acting = [*row.allowed, *(["other organization"] if row.elsewhere else [])] if row.changes else row.allowed
        made = self.make(row)
        before = self.state() if row.changes else None
        found = {caller: self.ask(row, caller, made) for caller in CALLERS if caller not in acting}
        assert not row.changes or self.state() == before, f"{row.operation} changed something for: {list(found)}"
        for caller in dict.fromkeys(acting):
            found[caller] = (self.ask_and_read_the_audit_log(row, caller) if row.changes and caller in WITH_TOKEN
                             else self.ask(row, caller, self.make(row)))
        self.answered[row.operation] = found
        return found

    def actor_of(self, caller):
        name = {"other organization": "elsewhere", "private key": "private"}.get(caller, caller)
        return f"{'api-key' if caller == 'private key' else 'token'} {name}"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with new_control_plane(tmp_path_factory.mktemp("rights")) as running:
        yield Scene(running)


def test_every_route_has_a_row_and_every_row_a_route(scene):
    document = scene.rest.request("GET", "/openapi.json").body
    served = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    rows = [row.operation for row in ROWS]
    assert set(rows) == served
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.operation.replace(" ", "-"))
def test_each_caller_is_taken_or_refused_as_the_table_says(scene, row):
    assert scene.answers(row) == {caller: row.expected(caller) for caller in CALLERS}


def test_the_log_names_the_actor_of_each_request_that_would_change_something(scene):
    wanted = set()
    for row in ROWS:
        if row.changes and set(row.allowed) & set(ROLE_OF) and row.allowed != CALLERS:
            found = scene.answered.get(row.operation) or scene.answers(row)
            wanted |= {(row.operation, found[caller], scene.actor_of(caller)) for caller in WITH_TOKEN}
    assert len(wanted) > 100

    def missing():
        requests = [line for line in scene.control_plane.log_lines() if line["message"] == "request"]
        return wanted - {(line["route"].replace("...}", "}"), line["status"], line["actor"].split(" (")[0])
                         for line in requests}
    wait_for(lambda: not missing(), what="a log line of each request")


def test_each_change_leaves_one_audit_record_with_its_actor_and_address(scene):
    checked = 0
    for row in ROWS:
        if not row.changes or not set(row.allowed) & set(ROLE_OF) or row.allowed == CALLERS:
            continue
        found = scene.answered.get(row.operation) or scene.answers(row)
        for caller in WITH_TOKEN:
            records = scene.recorded.get((row.operation, caller), [])
            changed = found[caller] < 400 and row.action
            actions = [record["action"] for record in records]
            assert actions == ([row.action] if changed else []), (row.operation, caller)
            for record in records:
                actor = f"{record['actor']['kind']} {record['actor']['name']}"
                assert actor == scene.actor_of(caller) and record["address"].startswith("127.77."), record
                assert record["outcome"] in ("done", "unchanged")
                checked += 1
    assert checked > 40


def test_the_page_has_this_table():
    assert rights_table.PATH.read_text() == rights_table.page(), "cd tests && python3 -m support.rights_table"


def test_only_an_admin_gives_a_protected_set_to_a_further_agent(scene):
    scene.rest.put_secrets("production", A="1")
    scene.control_plane.wait_ready("production")
    scene.control_plane.run("set", "protect", "production", "--organization", "acme")
    rests = {caller: Rest(scene.control_plane.url, scene.tokens[caller], "acme")
             for caller in ("member", "private key", "admin")}
    for caller in ("member", "private key"):
        refused = rests[caller].deploy("live", secretSet="production")
        assert refused.status == 403 and "is protected" in refused.body["error"], refused
        refused = rests[caller].redeploy("bot", secretSet="production")
        assert refused.status == 403, refused
    assert rests["admin"].deploy("live", secretSet="production").status == 200
    assert rests["member"].redeploy("live", secretSet="production").status == 200
    first = scene.control_plane.logged("an agent gets a set for the first time", set="production")
    assert [(line["agent"], line["actor"].split(" (")[0]) for line in first] == [("live", "token admin")]
