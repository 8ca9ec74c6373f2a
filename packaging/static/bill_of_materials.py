#!/usr/bin/python3
"""Prints the CycloneDX bill of materials of dist/ARCH. Usage: packaging/static/bill_of_materials.py ARCH

It lists what was used, not what was meant to be: the files that the linker read (its dependency file) and
the headers that the compiler read (ninja's records) are looked up in the lists of files that each package
put into the root. A file of the root that no package put there, or a package whose licence is not
known here, is an error. The same files make the same text: the time is SOURCE_DATE_EPOCH.
"""

import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid

# By source package, as SPDX expressions; from each package's debian/copyright.
LICENCES = {
    "boost1.81": "BSL-1.0",
    "boost1.83": "BSL-1.0",
    "cli11": "BSD-3-Clause",
    "curl": "curl",
    "fmtlib": "MIT",
    "gcc-12": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "gcc-14": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "glibc": "LGPL-2.1-or-later",
    "libsodium": "ISC",
    "linux": "GPL-2.0-only WITH Linux-syscall-note",
    "openssl": "Apache-2.0",
    "postgresql-15": "PostgreSQL",
    "postgresql-17": "PostgreSQL",
    "prometheus-cpp": "MIT",
    "simdjson": "Apache-2.0",
    "sqlite3": "blessing",
    "sqlitecpp": "MIT",
}
PROGRAMS = {"secret-injector": "injector", "secret-sidecar": "sidecar"}


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def files_in_dependency_file(text):
    """Prerequisites of the first rule of a make file, as ld --dependency-file writes it."""
    rule = text.replace("\\\n", " ").split("\n", 1)[0]
    return rule.split(":", 1)[1].split()


def headers_by_object(text):
    """{object: [files]} of `ninja -t deps`."""
    found = {}
    for line in text.splitlines():
        if line.startswith("    "):
            files.append(line.strip())
        elif ": #deps" in line:
            files = found.setdefault(line.split(":", 1)[0], [])
    return found


def used_files(build, program, folder):
    """What the linker and the compiler read for one program, as resolved paths."""
    linked = files_in_dependency_file((build / folder / f"{program}.d").read_text())
    records = subprocess.run(["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    for built, headers in headers_by_object(records).items():
        if built.split("/")[0] in ("core", folder):
            linked += headers
    return {(build / path).resolve() for path in linked}


def owners(manifests):
    """{path below the root: package} from the directory of lists, one a package."""
    return {path: manifest.stem for manifest in sorted(manifests.glob("*.list")) for path in manifest.read_text().split("\n") if path}


def used_packages(files, root, owner_of):
    """The packages that own the files; those outside the root are the repository's and the compiler's."""
    packages = set()
    for path in files:
        if path.is_relative_to(root):
            inside = f"/{path.relative_to(root)}"
            if inside not in owner_of:
                sys.exit(f"bill_of_materials.py: error: no package put {inside} into the root")
            packages.add(owner_of[inside])
    return packages


def fields(text):
    """The fields of a Debian control file, continuation lines left out."""
    return dict(re.findall(r"^([A-Za-z0-9-]+): *(.*)$", text, re.MULTILINE))


def described(package, debs, sources):
    """(source package, version, the file that its hash is of)."""
    for dsc in sources.glob(f"{package}_*.dsc"):
        return package, fields(dsc.read_text())["Version"], dsc
    deb = next(debs.glob(f"{package}_*.deb"))
    control = fields(subprocess.run(["dpkg-deb", "--field", deb], check=True, capture_output=True, text=True).stdout)
    # "Source: name (version)" where it differs from the binary package's.
    name = control.get("Source", package).split(" ")[0]
    return name, control["Version"], deb


def component(package, debs, sources):
    source, version, file = described(package, debs, sources)
    if source not in LICENCES:
        sys.exit(f"bill_of_materials.py: error: the licence of {source} is not known; add it to LICENCES")
    kind = "source" if file.suffix == ".dsc" else file.stem.rsplit("_", 1)[1]
    purl = f"pkg:deb/debian/{package}@{version}?arch={kind}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": package,
        "version": version,
        "licenses": [{"expression": LICENCES[source]}],
        "hashes": [{"alg": "SHA-256", "content": sha256(file)}],
        "purl": purl,
        "properties": [
            {"name": "debian:source", "value": source},
            {"name": "debian:hashed-file", "value": file.name},
        ],
    }


def bill(architecture, version, epoch, program_hashes, packages_of, components):
    """`components` is {package: component}; `packages_of` and `program_hashes` go by program."""
    listed = [components[package] for package in sorted(components)]
    programs = [
        {"type": "application", "bom-ref": program, "name": program, "version": version,
         "hashes": [{"alg": "SHA-256", "content": digest}]}
        for program, digest in sorted(program_hashes.items())
    ]
    identity = json.dumps([architecture, programs, listed])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, identity)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "application", "bom-ref": "agent-secrets", "name": "agent-secrets",
                          "version": version, "components": programs},
            "properties": [{"name": "debian:architecture", "value": architecture}],
        },
        "components": listed,
        "dependencies": [
            {"ref": program, "dependsOn": sorted(components[package]["bom-ref"] for package in packages)}
            for program, packages in sorted(packages_of.items())
        ],
    }


def project_version(repository):
    return re.search(r"project\(\S+ VERSION (\S+)", (repository / "CMakeLists.txt").read_text())[1]


def main():
    architecture = sys.argv[1]
    repository = pathlib.Path(__file__).resolve().parent.parent.parent
    static = repository / "build" / "static"
    home = static / architecture
    owner_of = owners(home / "manifests")
    packages_of = {
        program: used_packages(used_files(home / "programs", program, folder), home / "root", owner_of)
        for program, folder in PROGRAMS.items()
    }
    used = set().union(*packages_of.values())
    result = bill(
        architecture,
        project_version(repository),
        int(os.environ["SOURCE_DATE_EPOCH"]),
        {program: sha256(repository / "dist" / architecture / program) for program in PROGRAMS},
        packages_of,
        {package: component(package, static / "debs" / architecture, static / "sources") for package in used},
    )
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
