"""A plain REST client, for requests that the official CLI cannot send or sends too slowly."""

import dataclasses
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    body: object  # parsed JSON, or None
    text: str
    headers: object


class Rest:
    def __init__(self, url, token, organization, ca_file=None):
        self.url = url
        self.token = token
        self.organization = organization
        context = ssl.create_default_context(cafile=ca_file) if ca_file else None
        handlers = [urllib.request.ProxyHandler({})]
        if context:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)

    def request(self, method, path, body=None, *, raw=None, headers=None):
        """One request; HTTP errors are answers too. `raw` bytes are sent in place of JSON."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Content-Type", "application/json")
        if self.token is not None:
            request.add_header("Authorization", f"Bearer {self.token}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with self._opener.open(request, timeout=30) as response:
                return self._answer(response)
        except urllib.error.HTTPError as error:
            with error:
                return self._answer(error)

    @staticmethod
    def _answer(response):
        text = response.read().decode("utf-8", "replace")
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        return Answer(response.status, body, text, response.headers)

    def org(self, method, path, body=None, **more):
        """A path below /v1/organizations/{organization}/."""
        name = urllib.parse.quote(self.organization, safe="")
        return self.request(method, f"/v1/organizations/{name}/{path}", body, **more)

    # Operations that most tests need.

    def put_secrets(self, name, **pairs):
        """One array write of the pairs; provisioned at once."""
        secrets = [{"secretKey": key, "secretValue": value} for key, value in pairs.items()]
        return self.org("PUT", f"secrets/{name}", {"secrets": secrets})

    def put_image_pull_secret(self, name, host="https://registry.example/", credentials="dXNlcjp0b2s="):
        body = {"isImagePullSecret": True, "host": host, "secretValue": credentials}
        return self.org("PUT", f"secrets/{name}", body)

    def set_status(self, name):
        """The status of a set of either type; None if the set does not exist or there was no valid answer."""
        body = self.org("GET", "secrets").body
        sets = body.get("sets", []) if isinstance(body, dict) else []
        return next((each["status"] for each in sets if each["name"] == name), None)

    def deploy(self, agent, image="demo/bot:1", **more):
        """Creates the agent (POST services)."""
        return self._bind("POST", agent, image, more)

    def redeploy(self, agent, image="demo/bot:1", **more):
        """Updates the agent (PUT services); a new deployment even if nothing changed."""
        return self._bind("PUT", agent, image, {"forceRedeploy": True, **more})

    def _bind(self, method, agent, image, more):
        body = {"serviceName": agent, "image": image, "autoScaling": {"minAgents": 0}, **more}
        return self.org(method, "services", body)
