"""packaging/debian/package_bill.py: what is in the control plane, and whether Debian's update of it suffices."""

import hashlib
import json
import subprocess

from support.programs import ROOT, build_directory, control_plane_program

SCRIPT = ROOT / "packaging" / "debian" / "package_bill.py"
PARTS = """\
compiled libboost1.81-dev 1.81.0-5 boost1.81
compiled libssl-dev 3.0.17-1 openssl
linked libssl3 3.0.17-1 openssl
linked libc6 2.36-9 glibc
compiled libc6 2.36-9 glibc
"""


def bill(parts, tmp_path):
    program = tmp_path / "program"
    program.write_text("a program")
    return subprocess.run([SCRIPT, "amd64", "bookworm", program], input=parts, capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": "1000000000"})


def test_each_part_has_its_version_licence_and_use(tmp_path):
    made = bill(PARTS, tmp_path)
    assert made.returncode == 0, made.stderr
    document = json.loads(made.stdout)
    use = {each["name"]: each["properties"][1]["value"] for each in document["components"]}
    assert use == {"libboost1.81-dev": "compiled", "libssl-dev": "compiled", "libssl3": "linked", "libc6": "compiled", "htm": "compiled"}
    (boost,) = [each for each in document["components"] if each["name"] == "libboost1.81-dev"]
    assert boost["version"] == "1.81.0-5" and boost["licenses"] == [{"expression": "BSL-1.0"}]
    assert boost["purl"] == "pkg:deb/debian/libboost1.81-dev@1.81.0-5?arch=amd64&distro=bookworm"
    assert document["metadata"]["timestamp"] == "2001-09-09T01:46:40Z"
    assert len(document["dependencies"][0]["dependsOn"]) == 5
    (renderer,) = [each for each in document["components"] if each["name"] == "htm"]
    vendored = ROOT / "web" / "vendor" / "htm-preact.js"
    assert renderer["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(vendored.read_bytes()).hexdigest()}]


def test_the_same_parts_make_the_same_text(tmp_path):
    assert bill(PARTS, tmp_path).stdout == bill("".join(reversed(PARTS.splitlines(keepends=True))), tmp_path).stdout


def test_a_part_without_a_known_licence_is_an_error(tmp_path):
    refused = bill("linked libnew1 1.0 new\n", tmp_path)
    assert refused.returncode == 1 and "the licence of new is not known" in refused.stderr


def test_the_licence_of_each_shared_library_that_the_program_asks_for_is_known(tmp_path):
    listed = subprocess.run([SCRIPT.with_name("list-parts"), build_directory(), control_plane_program()],
                            capture_output=True, text=True, check=True)
    linked = [line for line in listed.stdout.splitlines() if line.startswith("linked ")]
    assert any(line.split()[1].startswith("libsodium") for line in linked), listed
    made = bill("".join(f"{line}\n" for line in linked), tmp_path)
    assert made.returncode == 0, made.stderr
