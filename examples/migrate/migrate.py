#!/usr/bin/env python3
"""Moves secret sets from Pipecat Cloud to your own control plane. Needs Python 3.11 and the official CLI, 1.x.

Key names can be read from the old account, values cannot: they come from files that you provide.

    migrate.py --from old.env --to new.env --values DIRECTORY [--region OLD=NEW …] [--dry-run]

old.env, new.env   PIPECAT_TOKEN=…, PIPECAT_ORG=…, and for your own control plane PIPECAT_API_HOST=…
DIRECTORY          SET.env with KEY=value lines, as `secrets set --file` reads them; for an image pull secret SET.pull:
                   the registry's URL on its first line, USERNAME:PASSWORD on its second
--region           where the sets of a region go; without it, to the default region of the new organization
--dry-run          says what is missing, and writes nothing

A line for each set says what became of it. Exit codes: 0 everything has moved, 1 something is missing, 2 it could not be
done. It can be run again: what is there already is written again with the same values, which changes nothing. No value is
printed, and none is on a command line.
"""

import argparse
import base64
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

CLI = ["pipecat", "cloud", "--output", "json"]


class Failed(Exception):
    """The text is for the person who runs this."""


class Account:
    """One end of the move, through the official CLI and what that cannot say without a command line."""

    def __init__(self, env_file):
        self.settings = read_pairs(env_file)
        for name in ("PIPECAT_TOKEN", "PIPECAT_ORG"):
            if not self.settings.get(name):
                raise Failed(f"{env_file}: {name} is missing")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PIPECAT_")}
        self.environment = kept | self.settings

    def ask(self, *arguments):
        """The CLI's JSON; None where it says that there is nothing."""
        finished = subprocess.run([*CLI, *arguments], env=self.environment, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True)
        answer = json.loads(finished.stdout) if finished.stdout.strip() else None
        if finished.returncode == 0:
            return answer or {}
        if answer is None and "No " in finished.stderr:
            return None
        said = answer if answer is not None else finished.stderr.strip()
        raise Failed(f"{' '.join(arguments[:2])} of {self.settings['PIPECAT_ORG']}: {said}")

    def sets(self):
        return (self.ask("secrets", "list") or {}).get("secretSets", [])

    def keys(self, name):
        return {entry["fieldName"] for entry in (self.ask("secrets", "list", name) or {}).get("secrets", [])}

    def agents(self):
        return (self.ask("agent", "list") or {}).get("agents", [])

    def write_set(self, name, file, region):
        where = ["--region", region] if region else []
        self.ask("secrets", "set", name, "--file", str(file), "--skip", *where)

    def write_image_pull_secret(self, name, host, credentials, region):
        """By the API: the CLI takes credentials on its command line, for everyone on the machine to read."""
        body = {"isImagePullSecret": True, "host": host, "secretValue": base64.b64encode(credentials.encode()).decode()}
        if region:
            body["region"] = region
        path = f"/v1/organizations/{urllib.parse.quote(self.settings['PIPECAT_ORG'])}/secrets/{name}"
        request = urllib.request.Request(self.settings["PIPECAT_API_HOST"] + path, json.dumps(body).encode(), method="PUT")
        request.add_header("Authorization", f"Bearer {self.settings['PIPECAT_TOKEN']}")
        request.add_header("Content-Type", "application/json")
        try:
            urllib.request.urlopen(request, timeout=30).close()
        except urllib.error.HTTPError as error:
            raise Failed(f"image pull secret {name}: {json.loads(error.read()).get('error', error.reason)}") from error


def read_pairs(path):
    """KEY=value lines, as the CLI reads them: the first = splits, one pair of double quotes goes."""
    pairs = {}
    try:
        lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, found, value = line.partition("=")
        key, value = key.strip(), value.strip()
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = value[1:-1]
        if not found or not key or not value:
            raise Failed(f"{path}: line {number} is no KEY=value")
        pairs[key] = value
    return pairs


@dataclasses.dataclass
class Outcome:
    name: str
    what: str
    missing: list


def move_set(entry, old, new, values, region, dry_run):
    name, file = entry["name"], values / f"{entry['name']}.env"
    wanted = old.keys(name)
    if not file.exists():
        return Outcome(name, f"not moved: there is no {file.name}", sorted(wanted))
    given = set(read_pairs(file))
    missing = sorted(wanted - given)
    extra = sorted(given - wanted)
    more = f", {len(extra)} that the old account has not: {' '.join(extra)}" if extra else ""
    if dry_run:
        return Outcome(name, f"{len(given & wanted)} of {len(wanted)} keys are at hand{more}", missing)
    new.write_set(name, file, region)
    # The CLI reports success when it reaches nobody: what counts is what is there afterwards.
    there = new.keys(name)
    return Outcome(name, f"{len(wanted & there)} of {len(wanted)} keys moved{more}", sorted(wanted - there))


def move_image_pull_secret(entry, new, values, region, dry_run):
    name, file = entry["name"], values / f"{entry['name']}.pull"
    if not file.exists():
        return Outcome(name, f"not moved: there is no {file.name}", ["host", "credentials"])
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    if len(lines) != 2:
        raise Failed(f"{file}: two lines are wanted, a URL and USERNAME:PASSWORD")
    if dry_run:
        return Outcome(name, "host and credentials are at hand", [])
    new.write_image_pull_secret(name, *lines, region)
    there = any(row["name"] == name and row["type"] == "imagePullSecret" for row in new.sets())
    return Outcome(name, "moved" if there else "not moved", [] if there else ["host", "credentials"])


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage="migrate.py --from FILE --to FILE --values DIRECTORY [options]")
    parser.add_argument("--from", dest="old", required=True, metavar="FILE")
    parser.add_argument("--to", dest="new", required=True, metavar="FILE")
    parser.add_argument("--values", required=True, metavar="DIRECTORY", type=pathlib.Path)
    parser.add_argument("--region", action="append", default=[], metavar="OLD=NEW")
    parser.add_argument("--dry-run", action="store_true")
    return parser.parse_args()


def move(options):
    old, new = Account(options.old), Account(options.new)
    if not new.settings.get("PIPECAT_API_HOST"):
        raise Failed(f"{options.new}: PIPECAT_API_HOST is missing")
    regions = dict(pair.split("=", 1) for pair in options.region)
    outcomes = []
    for entry in old.sets():
        region = regions.get(entry["region"])
        if entry["type"] == "secret":
            outcomes.append(move_set(entry, old, new, options.values, region, options.dry_run))
        else:
            outcomes.append(move_image_pull_secret(entry, new, options.values, region, options.dry_run))
        last = outcomes[-1]
        print(f"{last.name}: {last.what}" + (f"; missing: {' '.join(last.missing)}" if last.missing else ""), flush=True)
    for agent in old.agents():
        print(f"agent {agent['name']} ({agent['region']}): deploy it again, with its pcc-deploy.toml, once its sets are ready")
    return 1 if any(outcome.missing for outcome in outcomes) else 0


def main():
    try:
        return move(parse_arguments())
    except FileNotFoundError as error:
        print(f"migrate: error: {error.filename}: not found\nhint: Install the official CLI: pip install pipecatcloud pipecat-ai-cli",
              file=sys.stderr)
    except (Failed, OSError) as error:
        print(f"migrate: error: {error}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
