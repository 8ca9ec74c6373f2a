"""script/check-hardening: each way to be soft is found in a built file, and a hard one passes."""

import subprocess

import pytest

from support.programs import ROOT

CHECKER = ROOT / "script" / "check-hardening"
SOURCE = '#include <stdio.h>\nint main(int c, char** v) { char b[64]; snprintf(b, 64, "%s", v[c - 1]); puts(b); }\n'
COMPILE = ["-O2", "-fPIE", "-fstack-protector-strong"]
LINK = ["-static-pie", "-s", "-Wl,-z,relro,-z,now,-z,noexecstack"]


def check(*files):
    return subprocess.run([CHECKER, *files], capture_output=True, text=True)


def gcc(directory, *arguments):
    (directory / "program.c").write_text(SOURCE)
    subprocess.run(["gcc", *arguments], cwd=directory, check=True)


def program(directory, link):
    gcc(directory, *COMPILE, "program.c", *link, "-o", "program")
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


def test_what_is_no_program_is_refused(tmp_path):
    (tmp_path / "text").write_text("#!/bin/sh\n")
    assert check(tmp_path / "text").returncode == 1
    assert check(tmp_path / "absent").returncode == 1
    assert check().returncode == 1
