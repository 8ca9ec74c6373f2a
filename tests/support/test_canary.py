"""Tests of the search: it finds a canary in each kind of place and in each encoding."""

import base64
import json
import subprocess
import sys

import pytest

from support import canary

VALUE = 'sk-canary/"7f+é>>~?'
ENCODINGS = {
    "plain": str.encode,
    "hex": lambda text: text.encode().hex().encode(),
    "upper-case hex": lambda text: text.encode().hex().upper().encode(),
    "json": lambda text: json.dumps(text).encode(),
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
}


def search():
    return canary.Search({"value": VALUE})


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())
def test_a_canary_is_found_in_every_encoding(encode):
    found = search()
    assert not found.bytes(b"before " + encode(VALUE) + b" after", "here")
    assert found.leaks and "in here" in found.leaks[0]


@pytest.mark.parametrize("codec", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", range(5))
@pytest.mark.parametrize("after", range(3))
def test_a_canary_is_found_inside_base64_at_every_alignment(codec, before, after):
    found = search()
    assert not found.bytes(codec(b"\xff" * before + VALUE.encode() + b"\xff" * after), "here")


def test_clean_bytes_are_clean():
    found = search()
    assert found.bytes(b"sk-canary and more", "here")
    assert found.leaks == []


def test_a_canary_is_found_in_a_file_and_in_a_file_name(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "journal").write_text(f"x{VALUE}y")
    found = search()
    assert found.tree(tmp_path) == 1
    assert any("journal" in leak for leak in found.leaks)

    (tmp_path / f"core.{VALUE.replace('/', '')}").touch()
    named = canary.Search({"value": VALUE.replace("/", "")})
    named.tree(tmp_path)
    assert any("the name" in leak for leak in named.leaks)


def test_an_excluded_file_is_not_searched(tmp_path):
    (tmp_path / "credential").write_text(VALUE)
    found = search()
    assert found.tree(tmp_path, exclude=[tmp_path / "credential"]) == 0
    assert found.leaks == []


def process_with(code, arguments=(), environment=None):
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    return process


WAIT = "import sys; print('ready', flush=True); sys.stdin.read()"
# The value is computed, so that it is neither in the command line nor in the environment.
HOLD = "held = bytes.fromhex(sys.stdin.readline()); "


@pytest.mark.parametrize(
    "place, arguments, environment",
    [("cmdline", (VALUE,), {}), ("environ", (), {"KEY": VALUE})],
)
def test_a_canary_is_found_in_a_process(place, arguments, environment):
    with process_with(WAIT, arguments, environment) as process:
        found = search()
        found.process(process.pid, memory=False)
        process.communicate()
    assert any(leak.endswith(f"/{place}") for leak in found.leaks)


def test_a_canary_is_found_in_the_memory_of_a_process():
    code = "import sys; print('ready', flush=True); " + HOLD + "print('held', flush=True); sys.stdin.read()"
    with process_with(code) as process:
        process.stdin.write(VALUE.encode().hex().encode() + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"held\n"
        found = search()
        found.process(process.pid)
        process.communicate()
    assert any("(plain) in /proc" in leak and "/mem" in leak for leak in found.leaks)
    assert not any(leak.endswith(("/cmdline", "/environ")) for leak in found.leaks)


def test_a_canary_too_short_to_find_everywhere_is_refused():
    with pytest.raises(AssertionError, match="too short"):
        canary.Search({"value": "short"})
