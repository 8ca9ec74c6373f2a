"""What is on the server while it is asked: one of each thing, so that good requests find something.

`known` replaces generated names of a path by names that exist; `good_body` is a body that must be accepted.
"""

SET, REGISTRY, AGENT = "bot-secrets", "registry", "bot"
DOOMED_SET, DOOMED_KEY, DOOMED_AGENT = "doomed-secrets", "KEY", "doomed"
KEPT_SET, KEEPER = "kept-secrets", "keeper"  # an agent that no request changes uses the set

PARAMETERS = {
    "GET": {"set": SET, "setName": SET, "name": AGENT, "agentName": AGENT, "serviceName": AGENT},
    "PUT": {"set": SET, "setName": SET},
    "POST": {"name": AGENT, "agentName": AGENT, "serviceName": AGENT},
    "DELETE": {"set": (DOOMED_SET, DOOMED_SET, KEPT_SET), "setName": (DOOMED_SET, DOOMED_SET, KEPT_SET), "key": DOOMED_KEY, "secretKey": DOOMED_KEY,
               "name": DOOMED_AGENT, "agentName": DOOMED_AGENT},
}
BODIES = {
    ("PUT", "secrets"): {"secrets": [{"secretKey": "KEY", "secretValue": "value"}]},
    ("POST", "services"): {"serviceName": "another", "image": "demo/bot:1"},
    ("POST", "agents"): {"serviceName": "another", "image": "demo/bot:1"},
    ("PUT", "services"): {"serviceName": AGENT, "image": "demo/bot:1", "secretSet": SET},
    ("PATCH", "properties"): {"defaultRegion": "us-west"},
    ("POST", "apiKeys"): {"name": "another", "type": "public"},
}


class World:
    def __init__(self, control_plane):
        self.control_plane = control_plane
        self.rest = control_plane.rest()
        for name in (SET, KEPT_SET):
            self.rest.put_secrets(name, KEY="value")
        credentials = {"isImagePullSecret": True, "host": "https://registry.example/", "secretValue": "dXNlcjp0b2s="}
        self.rest.org("PUT", f"secrets/{REGISTRY}", credentials)
        for agent, name in ((AGENT, SET), (KEEPER, KEPT_SET)):
            control_plane.wait_ready(name)
            self.rest.deploy(agent, secretSet=name)

    def api_key(self, kind):
        created = self.control_plane.run("api-key", "create", f"conformance-{kind}", "--type", kind)
        return next(word for word in created.stdout.split() if word.startswith(("sk_", "pk_")))

    def prepare(self, method):
        """Before a request of the method: what it will delete is there, what it will create is not."""
        if method == "DELETE":
            self.rest.put_secrets(DOOMED_SET, KEY="value", OTHER="value")
            self.rest.deploy(DOOMED_AGENT)
        if method == "POST":
            self.rest.org("DELETE", "services/another")
            for key in self.rest.org("GET", "apiKeys").body["public"]:
                if key["metadata"]["name"] != "conformance-public" and not key["revoked"]:
                    self.rest.org("DELETE", f"apiKeys/{key['id']}")


def good_body(method, path):
    """For an operation that takes a body; else None."""
    for (wanted, collection), body in BODIES.items():
        if wanted == method and collection in path.split("/"):
            return body
    return None


def known(method, names, number):
    """Those of the path's names that there is something for; where there is a choice, the number makes it."""
    found = {name: value for name, value in PARAMETERS.get(method, {}).items() if name in names}
    return {name: value if isinstance(value, str) else value[number % len(value)] for name, value in found.items()}
