#!/usr/bin/python3
"""Prints the CycloneDX bill of materials of the control plane's package. Reads the lines of packaging/debian/list-parts.
Usage: packaging/debian/package_bill.py ARCHITECTURE SUITE PROGRAM < PARTS

Each component says whether its code may be compiled in (`compiled`: a fault in it needs a new release), or is in a shared
library (`linked`: Debian's update of the library suffices). A package of both kinds is listed as compiled. The same
parts make the same text: the time is SOURCE_DATE_EPOCH.
"""

import json
import os
import pathlib
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(REPOSITORY / "packaging" / "static"))
from bill_of_materials import LICENCES, bill, project_version, sha256  # noqa: E402

PROGRAM = "secret-control-plane"


def component(how, package, version, source, architecture, suite):
    if source not in LICENCES:
        sys.exit(f"package_bill.py: error: the licence of {source} is not known; add it to LICENCES")
    purl = f"pkg:deb/debian/{package}@{version}?arch={architecture}&distro={suite}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": package,
        "version": version,
        "licenses": [{"expression": LICENCES[source]}],
        "purl": purl,
        "properties": [{"name": "debian:source", "value": source}, {"name": "agent-secrets:use", "value": how}],
    }


def components(lines, architecture, suite):
    """{package: component}."""
    found = {}
    for how, package, version, source in sorted(map(str.split, lines), reverse=True):  # `linked` first
        found[package] = component(how, package, version, source, architecture, suite)
    return found


def vendored():
    """{name: component} of the code of others in the web page, which is compiled in (web/vendor)."""
    found = {}
    for part in json.loads((REPOSITORY / "web" / "vendor" / "vendored.json").read_text()):
        found[part["name"]] = {
            "type": "library",
            "bom-ref": part["purl"],
            "name": part["name"],
            "version": part["version"],
            "licenses": [{"expression": part["licence"]}],
            "purl": part["purl"],
            "hashes": [{"alg": "SHA-256", "content": part["sha256"]}],
            "properties": [{"name": "agent-secrets:file", "value": f"web/vendor/{part['file']}"},
                           {"name": "agent-secrets:use", "value": "compiled"}],
        }
    return found


def main():
    architecture, suite, program = sys.argv[1:]
    found = components(sys.stdin, architecture, suite) | vendored()
    result = bill(architecture, project_version(REPOSITORY), int(os.environ["SOURCE_DATE_EPOCH"]),
                  {PROGRAM: sha256(program)}, {PROGRAM: set(found)}, found)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
