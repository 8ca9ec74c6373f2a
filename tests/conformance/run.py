"""Asks the real server what an OpenAPI document says it answers, with generated requests, good and bad.

Usage: run.py [--examples N]     (script/conformance is the front door)

No answer may be a failure of the server (5xx, but 501), have a status that the document does not name, another
content type, or a body that its schema refuses, except what deviations.py lists. Requests come from a fixed seed.
"""

import argparse
import collections
import dataclasses
import fnmatch
import json
import pathlib
import sys
import tempfile

import hypothesis
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi import checks as openapi_checks

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from conformance import deviations, world  # noqa: E402
from support.control_plane import ControlPlane  # noqa: E402

CHECKS = [openapi_checks.status_code_conformance, openapi_checks.content_type_conformance,
          openapi_checks.response_schema_conformance]
OWN_DOCUMENT = HERE.parent.parent / "control-plane" / "rest-api" / "openapi.json"


@dataclasses.dataclass(frozen=True)
class Finding:
    operation: str
    what: str  # a status, or a check's name
    detail: str = dataclasses.field(compare=False)


class Run:
    """One document against one server."""

    def __init__(self, name, document, target, around, examples):
        self.name = name
        self.schema = schemathesis.openapi.from_dict(document)
        self.target = target  # path -> (base URL, token)
        self.around = around
        self.examples = examples
        self.statuses = collections.defaultdict(collections.Counter)  # operation -> status -> answers
        self.findings = collections.Counter()

    def everything(self):
        for result in self.schema.get_all_operations():
            operation = result.ok()
            self.ask(operation, GenerationMode.POSITIVE, self.examples, with_known_names=True)
            self.ask(operation, GenerationMode.POSITIVE, self.examples // 2 + 1, with_known_names=False)
            if operation.body or operation.query or operation.path_parameters:
                self.ask(operation, GenerationMode.NEGATIVE, self.examples // 2 + 1, with_known_names=True)
        return self

    def ask(self, operation, mode, examples, with_known_names):
        asked = 0

        @hypothesis.settings(max_examples=examples, derandomize=True, database=None, deadline=None,
                             suppress_health_check=list(hypothesis.HealthCheck),
                             phases=[hypothesis.Phase.generate])
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def answer(case):
            nonlocal asked
            method = case.method.upper()
            if with_known_names:
                case.path_parameters |= world.known(method, case.path_parameters, asked)
            body = world.good_body(method, operation.path)
            if body and operation.body and mode is GenerationMode.POSITIVE and asked % 3 == 0:
                case.body = body
            asked += 1
            if "org" in case.path_parameters and (with_known_names or mode is GenerationMode.NEGATIVE):
                case.path_parameters["org"] = self.around.control_plane.organization
            self.around.prepare(method)
            base_url, token = self.target(operation.path)
            self.judge(operation, case, case.call(base_url=base_url, headers={"Authorization": f"Bearer {token}"}))

        try:
            answer()
        except hypothesis.errors.Unsatisfiable:
            pass  # there is no bad request of this kind

    def judge(self, operation, case, response):
        label = f"{operation.method.upper()} {operation.path}"
        status = str(response.status_code)
        self.statuses[label][status] += 1
        detail = f"{case.method} {response.request.url} {response.request.body!r:.200} -> {status} {response.text:.300}"
        if response.status_code >= 500 and status != "501":
            self.findings[Finding(label, "server error", detail)] += 1
        for check in CHECKS:
            try:
                case.validate_response(response, checks=[check])
            except schemathesis.core.failures.FailureGroup:
                is_status = check is openapi_checks.status_code_conformance
                self.findings[Finding(label, status if is_status else check.__name__, detail)] += 1

    def outside_the_list(self, needed):
        """Findings that no entry explains; entries that explain one are added to `needed`."""
        outside = []
        for finding in self.findings:
            entries = [entry for entry in deviations.DEVIATIONS
                       if entry[0] == self.name and fnmatch.fnmatchcase(finding.operation, escaped(entry[1]))
                       and entry[2] == finding.what]
            needed.update(entries)
            if not entries:
                outside.append(finding)
        return outside

    def report(self, outside):
        cases = sum(sum(counter.values()) for counter in self.statuses.values())
        good = sum(1 for counter in self.statuses.values() if any(status < "300" for status in counter))
        print(f"{self.name}: {len(self.statuses)} operations ({good} with a success), {cases} cases, "
              f"{sum(self.findings.values())} deviations of {len(self.findings)} kinds, {len(outside)} outside the list")
        for label, counter in sorted(self.statuses.items()):
            print(f"  {label:75} " + " ".join(f"{status}×{count}" for status, count in sorted(counter.items())))
        for finding in outside:
            print(f"FAILED {finding.operation}: {finding.what}: {finding.detail}")


def closed(document):
    """Ours, with nothing in an answer that it does not name: clients bear what they do not know, we do not."""
    asked = json.dumps([operation.get("requestBody") for operations in document["paths"].values()
                        for operation in operations.values() if isinstance(operation, dict)])
    for name, schema in document["components"]["schemas"].items():
        if "properties" in schema and f'"#/components/schemas/{name}"' not in asked:
            schema.setdefault("additionalProperties", False)
    return document


def escaped(pattern):
    return pattern.replace("[", "[[]")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=20, help="requests of a kind, for each operation")
    options = parser.parse_args()
    load_all_checks()
    official = json.loads((HERE / "pipecat-cloud-openapi.json").read_text())
    ours = json.loads(OWN_DOCUMENT.read_text())
    needed, failures = set(), 0
    with tempfile.TemporaryDirectory() as directory, ControlPlane(pathlib.Path(directory) / "plane") as plane:
        around = world.World(plane)
        private, public = (around.api_key(kind) for kind in ("private", "public"))

        def vendors(path):
            """In the vendor's document the paths that begin with a name are those of public keys."""
            return (f"{plane.url}/v1/public", public) if path.startswith("/{") else (f"{plane.url}/v1", private)

        def own(path):
            """Each family with the bearer that it is meant for."""
            if path.startswith("/v1/public/"):
                return plane.url, public
            is_rest = path.startswith("/v1/") and not path.startswith(("/v1/organizations", "/v1/users"))
            return plane.url, private if is_rest else plane.token

        runs = [
            Run(deviations.OFFICIAL, official, vendors, around, options.examples).everything(),
            Run(deviations.OURS, closed(ours), own, around, options.examples // 2 + 1).everything(),
        ]
        for run in runs:
            outside = run.outside_the_list(needed)
            run.report(outside)
            failures += len(outside)
    unneeded = [entry for entry in deviations.DEVIATIONS if entry not in needed]
    for entry in unneeded:
        print(f"FAILED deviation that nothing needs: {entry}")
    print(f"conformance: {failures} failures outside the list, {len(unneeded)} entries that nothing needs")
    return 1 if failures or unneeded else 0


if __name__ == "__main__":
    sys.exit(main())
