"""script/check-hardening: each way to be soft is found in a built file, and a hard one passes."""

import platform
import subprocess

import pytest

from support.programs import ROOT

CHECKER = ROOT / "script" / "check-hardening"
# The frame of main has more than a page. The other functions outnumber those of the C library in a static program.
SOURCE = """#include <stdio.h>
#include <string.h>
int main(int c, char** v) { char b[10000]; strcpy(b, v[c - 1]); puts(b); }
""" + "".join(f"int function_{n}(int a) {{ return a * {n}; }}\n" for n in range(1000))
CODE = ["-fstack-clash-protection", "-fcf-protection" if platform.machine() == "x86_64" else "-mbranch-protection=standard"]
COMPILE = ["-O2", "-D_FORTIFY_SOURCE=2", "-fPIE", "-fstack-protector-strong", *CODE]
SHARED = ["-pie", "-s", "-Wl,-z,relro,-z,now,-z,noexecstack"]
LINK = ["-static-pie", "-s", "-Wl,-z,relro,-z,now,-z,noexecstack"]


def check(*files):
    return subprocess.run([CHECKER, *files], capture_output=True, text=True)


def gcc(directory, *arguments):
    (directory / "program.c").write_text(SOURCE)
    subprocess.run(["gcc", *arguments], cwd=directory, check=True)


def program(directory, link):
    """Linked from an object that is compiled once for all tests."""
    compiled = directory.parent / "hardened.o"
    if not compiled.exists():
        gcc(directory, *COMPILE, "-c", "program.c", "-o", compiled)
    gcc(directory, compiled, *link, "-o", "program")
    return directory / "program"


def archive(directory, compile_options):
    gcc(directory, *compile_options, "-c", "program.c")
    subprocess.run(["ar", "rcs", "program.a", "program.o"], cwd=directory, check=True)
    return directory / "program.a"


def test_a_hardened_program_passes(tmp_path):
    finished = check(program(tmp_path, LINK), archive(tmp_path, COMPILE))
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.parametrize(
    "link, fault",
    [
        (["-static", "-no-pie", "-s"], "position-independent"),
        (["-static", "-no-pie", "-s"], "not linked as a program"),
        (["-pie", "-s", "-Wl,-z,relro,-z,now"], "dynamic linker"),
        (["-pie", "-s", "-Wl,-z,relro,-z,now"], "shared libraries"),
        ([*LINK, "-Wl,-z,norelro"], "RELRO"),
        ([*LINK, "-Wl,-z,lazy"], "BIND_NOW"),
        ([*LINK, "-Wl,-z,execstack"], "stack is executable"),
        ([option for option in LINK if option != "-s"], "stripped"),
    ],
)
def test_a_soft_program_is_refused(tmp_path, link, fault):
    finished = check(program(tmp_path, link))
    assert finished.returncode == 1
    assert fault in finished.stderr


@pytest.mark.parametrize(
    "section, fault",
    [('.section .both,"awx"\n', "writable and executable"), (".text\n", "code has relocations")],
)
def test_an_object_that_needs_a_soft_program_is_noticed(tmp_path, section, fault):
    (tmp_path / "soft.s").write_text(f".globl pointer\n{section}pointer: .quad pointer\n.section .note.GNU-stack\n")
    finished = check(program(tmp_path, ["soft.s", *LINK, "-Wl,-z,notext"]))
    assert finished.returncode == 1
    assert fault in finished.stderr


def test_an_archive_without_stack_protector_is_refused(tmp_path):
    finished = check(archive(tmp_path, ["-O2", "-fno-stack-protector"]))
    assert finished.returncode == 1
    assert "stack protector" in finished.stderr


def test_a_hardened_program_with_shared_libraries_passes(tmp_path):
    finished = check("--shared", program(tmp_path, SHARED))
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.parametrize(
    "missing, fault",
    [
        ("-fstack-protector-strong", "stack protector"),
        ("-D_FORTIFY_SOURCE=2", "_FORTIFY_SOURCE"),
        (CODE[0], "stack frames"),
        (CODE[1], "where calls may arrive"),
    ],
)
def test_a_missing_flag_of_the_compiler_is_found(tmp_path, missing, fault):
    # Some of these flags are defaults of some distributions.
    off = {"-D_FORTIFY_SOURCE=2": "-U_FORTIFY_SOURCE", "-fstack-protector-strong": "-fno-stack-protector",
           "-fstack-clash-protection": "-fno-stack-clash-protection", "-fcf-protection": "-fcf-protection=none",
           "-mbranch-protection=standard": "-mbranch-protection=none"}
    options = [option if option != missing else off[option] for option in COMPILE]
    gcc(tmp_path, *options, "program.c", *SHARED, "-o", "program")
    finished = check("--shared", tmp_path / "program")
    assert finished.returncode == 1
    assert [fault in line for line in finished.stderr.splitlines()] == [True], finished.stderr


def test_what_is_no_program_is_refused(tmp_path):
    (tmp_path / "text").write_text("#!/bin/sh\n")
    assert check(tmp_path / "text").returncode == 1
    assert check(tmp_path / "absent").returncode == 1
    assert check().returncode == 1
