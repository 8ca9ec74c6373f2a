"""Who may use which route: the rows of docs/rights.md, which test_rights.py checks against a real server.

    cd tests && python3 -m support.rights_table      # writes the page
"""

import dataclasses

from support import programs

PATH = programs.ROOT / "docs" / "rights.md"

# Bearer tokens, then the two credentials of an agent, which sign each request.
CALLERS = (
    "no token", "revoked", "expired", "other organization", "public key", "viewer", "member", "private key", "admin",
    "agent credential", "watch credential",
)
ROLES = {"viewer": 0, "member": 1, "admin": 2}
ROLE_OF = {"viewer": "viewer", "member": "member", "private key": "member", "admin": "admin"}
WITH_TOKEN = (*ROLE_OF, "other organization")


@dataclasses.dataclass(frozen=True)
class Row:
    operation: str  # "GET /v1/secrets", as in /openapi.json
    allowed: tuple  # the callers that the route takes
    success: int  # the status for them
    body: object = None
    make: str = ""  # the object that has to be there before each request: a method of test_rights.Scene
    elsewhere: int = 0  # the status for the other organization's token, which acts in its own organization
    action: str = ""  # of the audit record that a success leaves; "": it changes nothing

    @property
    def method(self):
        return self.operation.split()[0]

    @property
    def path(self):
        return self.operation.split()[1]

    @property
    def changes(self):
        return self.method != "GET"

    def expected(self, caller):
        if caller == "other organization" and self.elsewhere:
            return self.elsewhere
        if caller in self.allowed:
            return self.success
        is_for_tokens = any(each in ROLE_OF for each in self.allowed)
        return 403 if is_for_tokens and caller in WITH_TOKEN else 401


def holders(least):
    return tuple(caller for caller, role in ROLE_OF.items() if ROLES[role] >= ROLES[least])


def for_the_cli(operation, least, success, **more):
    """A path below /v1/organizations/{org}."""
    method, path = operation.split()
    return Row(f"{method} /v1/organizations/{{org}}{path}", holders(least), success, **more)


def for_keys(operation, least, success, elsewhere=0, **more):
    """A path below /v1, where the token says which organization is meant."""
    method, path = operation.split()
    return Row(f"{method} /v1{path}", holders(least), success, elsewhere=elsewhere or success, **more)


def both(operation, least, success, elsewhere=0, **more):
    return [for_the_cli(operation, least, success, **more), for_keys(operation, least, success, elsewhere, **more)]


def declined(paths, family):
    return [family(path, "viewer", 501) for path in paths]


ONE_KEY = {"secrets": [{"secretKey": "A", "secretValue": "1"}]}

SETS = [
    *both("GET /secrets", "viewer", 200),
    *both("GET /secrets/{set}", "viewer", 200, elsewhere=404, make="a_set"),
    *both("PUT /secrets/{set}", "member", 202, body=ONE_KEY, make="a_set", action="set.write"),
    *both("PATCH /secrets/{set}", "admin", 200, elsewhere=404, body={"protected": True}, make="a_set",
          action="set.protect"),
    *both("DELETE /secrets/{set}", "member", 200, elsewhere=404, make="a_set", action="set.delete"),
    *both("DELETE /secrets/{set}/{key}", "member", 200, elsewhere=404, make="a_set", action="set.unset-key"),
    for_the_cli("GET /secrets/{set}/usage", "viewer", 200, make="a_set"),
]
NEW_AGENT = {"serviceName": "fresh", "image": "demo/bot:1"}
CHANGED_AGENT = {"serviceName": "spare-bot", "image": "demo/bot:1", "forceRedeploy": True}
AGENTS = [
    for_the_cli("GET /fleet", "viewer", 200),
    for_the_cli("GET /services", "viewer", 200),
    for_the_cli("POST /services", "member", 200, body=NEW_AGENT, make="no_fresh_agent", action="agent.create"),
    for_the_cli("PUT /services", "member", 200, body=CHANGED_AGENT, make="an_agent", action="agent.deploy"),
    for_the_cli("GET /services/{name}", "viewer", 200, make="an_agent"),
    for_the_cli("DELETE /services/{name}", "member", 200, make="an_agent", action="agent.delete"),
    for_the_cli("GET /services/{name}/deployments", "viewer", 200, make="an_agent"),
    for_keys("GET /agents", "viewer", 200),
    for_keys("POST /agents", "member", 200, body=NEW_AGENT, make="no_fresh_agent", action="agent.create"),
    for_keys("GET /agents/{name}", "viewer", 200, elsewhere=404, make="an_agent"),
    for_keys("POST /agents/{name}", "member", 200, elsewhere=404, body=CHANGED_AGENT, make="an_agent",
             action="agent.deploy"),
    for_keys("DELETE /agents/{name}", "member", 200, elsewhere=404, make="an_agent", action="agent.delete"),
    *[row for part, success in (("events", 200), ("instances", 200), ("sessions", 200), ("sessions/{id}", 404))
      for row in (for_the_cli("GET /services/{name}/" + part, "viewer", success, make="an_agent"),
                  for_keys("GET /agents/{name}/" + part, "viewer", success, elsewhere=404, make="an_agent"))],
    for_the_cli("DELETE /services/{name}/sessions/{id}", "member", 501),
    for_keys("DELETE /agents/{name}/sessions/{id}", "member", 501),
]
ORGANIZATION = [
    *both("GET /regions", "viewer", 200),
    *both("GET /properties", "viewer", 200),
    *both("PATCH /properties", "member", 200, body={"defaultRegion": "us-west"}, action="organization.default-region"),
    *both("GET /properties/schema", "viewer", 200),
    for_the_cli("GET /daily", "viewer", 200),
    for_the_cli("GET /apiKeys", "viewer", 200),
    for_the_cli("POST /apiKeys", "member", 201, body={"name": "page", "type": "public"}, make="room_for_a_key",
                action="api-key.create"),
    for_the_cli("DELETE /apiKeys/{id}", "member", 200, make="a_public_key", action="api-key.revoke"),
    for_the_cli("GET /audit", "admin", 200),
    for_the_cli("GET /audit/checkpoint", "admin", 200, make="a_checkpoint"),
    Row("GET /metrics", WITH_TOKEN, 200),
    Row("GET /v1/users", WITH_TOKEN, 200),
    Row("GET /v1/organizations", WITH_TOKEN, 200),
]
ADMINS = [
    *[family("POST /" + path, "admin", 201, make="a_public_half", action="credential.add", **more) for family, path, more in (
        (for_the_cli, "services/{name}/credentials", {}),
        (for_keys, "agents/{name}/credentials", {"elsewhere": 404}))],
    for_the_cli("GET /credentials", "admin", 200),
    for_the_cli("DELETE /credentials/{kid}", "admin", 200, make="a_credential", action="credential.revoke"),
    for_the_cli("GET /tokens", "admin", 200),
    for_the_cli("POST /tokens", "admin", 201, body={"name": "page", "role": "viewer"}, make="no_page_token", action="token.create"),
    for_the_cli("DELETE /tokens/{id}", "admin", 200, make="a_page_token", action="token.revoke"),
    for_the_cli("GET /members", "admin", 200),
    for_the_cli("PUT /members/{name}", "admin", 200, body={"role": "viewer"}, make="a_new_name", action="member.put"),
    for_the_cli("DELETE /members/{name}", "admin", 200, make="a_member", action="member.remove"),
]
PUBLIC = [
    Row("POST /v1/public/{name}/start", ("public key",), 501),
    *[Row(f"{method} /v1/public/{{service}}/sessions/{{sessionId}}/{{path}}", ("public key",), 501)
      for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")],
    Row("GET /auth/config", CALLERS, 404),
    Row("POST /auth/logout", CALLERS, 404),
    Row("GET /livez", CALLERS, 200),
    Row("GET /readyz", CALLERS, 200),
    Row("GET /openapi.json", CALLERS, 200),
    Row("GET /", CALLERS, 200),
    Row("GET /web/{path}", CALLERS, 200),
]
INSTANCES = [Row(f"GET /instance/v1/{name}", ("agent credential", "watch credential"), 200)
             for name in ("bundle", "watch")]
NOT_OFFERED = [
    *both("GET /builds", "viewer", 200),
    *[row for path in ("POST /builds", "GET /builds/{id}", "GET /builds/{id}/logs", "POST /builds/upload-url")
      for row in both(path, "viewer", 501)],
    *declined((
        "GET /services/{name}/logs", "POST /secrets/references", "POST /regions", "GET /regions/{region}",
        "DELETE /regions/{region}", "POST /regions/{region}/enrollment-tokens", "GET /agent-profiles",
        "POST /agent-profiles", "PATCH /agent-profiles/{name}", "GET /registry-keys", "POST /registry-keys",
        "DELETE /registry-keys/{id}", "GET /spend-limit", "PUT /spend-limit", "GET /github/install-url",
        "GET /github/link-url", "GET /github/installation", "DELETE /github/installation",
        "GET /github/repositories", "GET /github/repositories/{owner}/{repo}/branches",
        "POST /services/{name}/environments/production/git",
        "DELETE /services/{name}/environments/production/git",
        "POST /services/{name}/environments/production/git/deploy",
    ), for_the_cli),
    *declined(("GET /agents/{name}/logs",), for_keys),
]
SECTIONS = (
    ("Secret sets", SETS),
    ("Agents", AGENTS),
    ("Organization and caller", ORGANIZATION),
    ("Tokens, members and credentials", ADMINS),
    ("Instances", INSTANCES),
    ("Public keys, and routes without a token", PUBLIC),
    ("Not offered", NOT_OFFERED),
)
ROWS = [row for _, rows in SECTIONS for row in rows]

HEAD = """# Rights

Which caller may use which route, with the status of the answer. **401** and **403** are refusals;
any other status means that the route took the request. Made from `tests/support/rights_table.py`;
do not edit. `tests/security/test_rights.py` sends each of these requests to a real server, and
fails if a route of `/openapi.json` has no row. [Why](decisions/0038-roles.md).

The callers: *viewer*, *member* and *admin* are tokens with this role. *Private key* and *public
key* are API keys. *Other organization* is an admin's token of another organization: below
`/v1/organizations/{{org}}` it is refused, and below `/v1` it acts in its own organization, where it
finds nothing of this one (404). *Agent* and *watch* are an agent's credential and its watch
credential, which sign a request and are no bearer tokens. A watch credential receives a bundle
that it cannot open.

Some rules depend on the data. A [protected set](OPERATIONS.md#protected-sets) needs an admin when an
agent that has not had it gets it: `POST` and `PUT` of agents are then 403 for a member. A private
API key is made, seen and revoked by admins alone, on the routes of all API keys. A credential with
the purpose `develop` is also for members, where
[the organization allows it](injector.md#run-with-the-teams-values). A user's token has the role of
the user's membership in the organization of the request.
"""

SHORT = {
    "no token": "none", "other organization": "other org.", "public key": "public", "private key": "private",
    "agent credential": "agent", "watch credential": "watch",
}


def page():
    text = HEAD.format()
    for title, rows in SECTIONS:
        names = [SHORT.get(caller, caller) for caller in CALLERS]
        text += f"\n## {title}\n\n| route | {' | '.join(names)} |\n|---{'|---' * len(names)}|\n"
        for row in rows:
            cells = " | ".join(str(row.expected(caller)) for caller in CALLERS)
            text += f"| `{row.operation}` | {cells} |\n"
    return text


if __name__ == "__main__":
    PATH.write_text(page())
