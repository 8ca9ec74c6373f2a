"""packaging/static/bill_of_materials.py: what was used is listed, with its version, licence and hash."""

import importlib.util
import json
import subprocess

import pytest

from support.programs import ROOT

SCRIPT = ROOT / "packaging" / "static" / "bill_of_materials.py"
specification = importlib.util.spec_from_file_location("bill_of_materials", SCRIPT)
bill_of_materials = importlib.util.module_from_spec(specification)
specification.loader.exec_module(bill_of_materials)


def test_the_linkers_dependency_file_names_its_inputs():
    text = "injector/program: \\\n  /root/libc.a \\\n  injector/main.o\n\n/root/libc.a:\n\ninjector/main.o:\n"
    assert bill_of_materials.files_in_dependency_file(text) == ["/root/libc.a", "injector/main.o"]


def test_ninjas_records_name_the_headers_of_each_object():
    text = (
        "core/a.o: #deps 2, deps mtime 1 (VALID)\n    ../a.cc\n    /root/usr/include/x.h\n\n"
        "sidecar/b.o: #deps 1, deps mtime 1 (VALID)\n    ../b.cc\n\n"
    )
    assert bill_of_materials.headers_by_object(text) == {
        "core/a.o": ["../a.cc", "/root/usr/include/x.h"],
        "sidecar/b.o": ["../b.cc"],
    }


def test_a_used_file_leads_to_its_package(tmp_path):
    (tmp_path / "openssl.list").write_text("/usr/lib/libssl.a\n/usr/lib/libcrypto.a\n")
    (tmp_path / "libc6-dev.list").write_text("/usr/lib/libc.a\n")
    owners = bill_of_materials.owners(tmp_path)
    root = tmp_path / "root"
    used = {root / "usr/lib/libssl.a", tmp_path / "elsewhere.cc"}
    assert bill_of_materials.used_packages(used, root, owners) == {"openssl"}


def test_a_used_file_of_no_package_is_an_error(tmp_path):
    with pytest.raises(SystemExit, match="no package put /usr/lib/libx.a"):
        bill_of_materials.used_packages({tmp_path / "usr/lib/libx.a"}, tmp_path, {})


@pytest.fixture
def sources(tmp_path):
    directory = tmp_path / "sources"
    directory.mkdir()
    (directory / "openssl_3.0.1-1.dsc").write_text("Format: 3.0 (quilt)\nSource: openssl\nVersion: 3.0.1-1\n")
    return directory


def binary_package(tmp_path, source):
    tree = tmp_path / "tree" / "DEBIAN"
    tree.mkdir(parents=True)
    (tree / "control").write_text(
        f"Package: libc6-dev\nSource: {source}\nVersion: 2.36-9\nArchitecture: arm64\nMaintainer: a\nDescription: b\n"
    )
    debs = tmp_path / "debs"
    debs.mkdir()
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", tree.parent, debs / "libc6-dev_2.36-9_arm64.deb"],
        check=True, capture_output=True,
    )
    return debs


def test_a_library_built_here_is_described_by_its_source(tmp_path, sources):
    entry = bill_of_materials.component("openssl", tmp_path, sources)
    assert (entry["name"], entry["version"]) == ("openssl", "3.0.1-1")
    assert entry["purl"] == "pkg:deb/debian/openssl@3.0.1-1?arch=source"
    assert entry["licenses"] == [{"expression": "Apache-2.0"}]
    assert entry["hashes"][0]["content"] == bill_of_materials.sha256(sources / "openssl_3.0.1-1.dsc")


def test_a_library_of_debian_is_described_by_its_package(tmp_path, sources):
    entry = bill_of_materials.component("libc6-dev", binary_package(tmp_path, "glibc"), sources)
    assert entry["purl"] == "pkg:deb/debian/libc6-dev@2.36-9?arch=arm64"
    assert entry["licenses"] == [{"expression": "LGPL-2.1-or-later"}]
    assert {"name": "debian:source", "value": "glibc"} in entry["properties"]


def test_an_unknown_licence_is_an_error(tmp_path, sources):
    with pytest.raises(SystemExit, match="the licence of unheard-of is not known"):
        bill_of_materials.component("libc6-dev", binary_package(tmp_path, "unheard-of (1)"), sources)


def test_the_same_input_makes_the_same_bill_and_another_another(tmp_path, sources):
    def made(digest):
        components = {"openssl": bill_of_materials.component("openssl", tmp_path, sources)}
        return bill_of_materials.bill("arm64", "1.0", 0, {"a": digest}, {"a": {"openssl"}}, components)

    assert json.dumps(made("00")) == json.dumps(made("00"))
    assert made("00")["serialNumber"] != made("11")["serialNumber"]
    assert made("00")["dependencies"] == [{"ref": "a", "dependsOn": ["pkg:deb/debian/openssl@3.0.1-1?arch=source"]}]
    assert made("00")["metadata"]["timestamp"] == "1970-01-01T00:00:00Z"
