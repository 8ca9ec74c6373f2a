"""`secret-injector check` and `env`: every exit code by a real fault, and never a value."""

import base64
import contextlib
import json
import os
import pty
import shutil
import sqlite3
import subprocess

import pytest

from support import canary, programs, tls
from support.control_plane import ControlPlane, Tls
from support.credential_text import identity_of, with_identity
from support.doctor import DOTENV_VALUE, IMAGE_VALUE, VALUE, Doctor, prepare, stranger

OK, WARNINGS, UNREACHABLE, REFUSED, NOT_READY, BAD_BUNDLE, INJECTOR_FAILED = 0, 1, 3, 4, 5, 6, 125
ALL_STEPS = ("credential resolve connect tls clock proof bundle open environment limits names dotenv state"
             " command").split()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return tls.Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def running(tmp_path_factory, authority):
    """Shared by the tests that leave it as it is."""
    served = authority.server_certificate("long", days=90)
    with ControlPlane(tmp_path_factory.mktemp("doctor"), tls=Tls(*served, authority.certificate)) as control_plane:
        prepare(control_plane)
        yield control_plane


@pytest.fixture
def doctor(running, tmp_path):
    return Doctor(tmp_path, running)


@pytest.fixture
def own(tmp_path, authority):
    """A doctor whose control plane may be broken."""
    served = authority.server_certificate(tmp_path.name, days=90)
    with ControlPlane(tmp_path / "own", tls=Tls(*served, authority.certificate)) as control_plane:
        prepare(control_plane)
        yield Doctor(tmp_path, control_plane)


# Exit codes


def test_all_is_well(doctor):
    code, steps = doctor.report("--", "sh", "-c", "exit 7")
    assert (code, list(steps)) == (OK, ALL_STEPS)
    assert {step["status"] for step in steps.values()} == {"ok"}
    assert all(step["us"] >= 0 and step["hint"] is None for step in steps.values())
    facts = {name: step["facts"] for name, step in steps.items()}
    assert facts["credential"]["mode"] == "0400" and facts["credential"]["agent"] == "bot"
    assert facts["resolve"]["addresses"] == ["127.0.0.1"]
    assert facts["tls"]["version"] == "TLSv1.3" and facts["tls"]["subject"] == "CN=long"
    assert facts["tls"]["issuer"] == "CN=throwaway test authority" and 88 <= facts["tls"]["days_left"] <= 90
    assert abs(facts["clock"]["difference_s"]) <= 5
    assert facts["proof"]["http_status"] == 200
    assert facts["bundle"]["sets"] == ["voice=1"] and facts["bundle"]["region"] == "us-west"
    assert facts["bundle"]["signed_by"] in [
        key["kid"] for key in identity_of(doctor.credential.read_text())["verification_keys"]]
    assert facts["open"]["keys"] == 2
    assert facts["environment"]["injected"] == ["DAILY_API_KEY", "OPENAI_API_KEY"]
    assert facts["command"]["path"] == "/usr/bin/sh"


def test_warnings_do_not_stop_it(doctor):
    (doctor.container / ".env").write_text(f"export OPENAI_API_KEY={DOTENV_VALUE}\nOTHER=1\n")
    doctor.credential.chmod(0o444)
    code, steps = doctor.report("--only", "OPENAI_API_KEY,TYPO")
    assert code == WARNINGS
    assert list(steps) == ALL_STEPS[:-1]
    warned = [name for name, step in steps.items() if step["status"] == "warning"]
    assert warned == ["credential", "environment", "dotenv"]
    assert steps["dotenv"]["facts"]["keys_in_both"] == ["OPENAI_API_KEY"]
    assert steps["environment"]["facts"]["left_out"] == ["DAILY_API_KEY"]


def test_unreachable_nobody_listens(doctor):
    text = doctor.credential.read_text()
    doctor.write_credential(with_identity(text, urls=[f"https://127.0.0.1:{programs.free_port()}"]))
    doctor.fails_at("connect", UNREACHABLE, "connection refused")


def test_unreachable_no_such_host(doctor):
    text = doctor.credential.read_text()
    doctor.write_credential(with_identity(text, urls=["https://no-such-host.invalid"]))
    doctor.fails_at("resolve", UNREACHABLE, "no-such-host.invalid", options=("--timeout", "5"))


@pytest.mark.parametrize("name, wrong, word", [("expired", {"expired": True}, "expired"),
                                               ("elsewhere", {"addresses": ("DNS:elsewhere.example",)}, "match")])
def test_unreachable_a_certificate_that_is_not_good(own, authority, name, wrong, word):
    own.control_plane.tls = Tls(*authority.server_certificate(name, **wrong), authority.certificate)
    own.control_plane.restart()
    steps = own.fails_at("tls", UNREACHABLE, word, f"CN={name}")
    assert steps["connect"]["us"] > 0
    assert steps["tls"]["facts"]["subject"] == f"CN={name}"


def test_refused_a_revoked_credential(doctor):
    kid = identity_of(doctor.credential.read_text())["kid"]
    doctor.control_plane.run("credential", "revoke", "bot", kid)
    doctor.fails_at("proof", REFUSED, "revoked", "403")


def test_refused_an_unknown_credential(doctor):
    doctor.write_credential(with_identity(doctor.credential.read_text(), kid="ak_nobody"))
    doctor.fails_at("proof", REFUSED, "401")


def test_refused_clocks_too_far_apart(doctor, authority):
    served = authority.server_certificate("clock", days=90)
    text = doctor.credential.read_text()
    with stranger(*served, seconds_ahead=60) as url:
        doctor.write_credential(with_identity(text, urls=[url]))
        steps = doctor.fails_at("proof", REFUSED, "401")
        assert steps["clock"]["status"] == "warning" and "behind" in steps["clock"]["detail"]
    with stranger(*served, seconds_ahead=400) as url:
        doctor.write_credential(with_identity(text, urls=[url]))
        steps = doctor.fails_at("clock", REFUSED, "this host is 6m")
        assert -410 <= steps["clock"]["facts"]["difference_s"] <= -399


def test_refused_an_agent_that_was_deleted(own):
    assert own.control_plane.rest().org("DELETE", "services/bot").status == 200
    own.fails_at("proof", REFUSED, "404")


def test_not_ready_the_region_has_lost_the_version(own):
    with contextlib.closing(sqlite3.connect(own.control_plane.data_dir / "region-us-west.db")) as region, region:
        assert region.execute("DELETE FROM set_versions").rowcount == 1
    own.fails_at("proof", NOT_READY, "409")


def test_bad_bundle_signed_by_a_key_that_the_credential_does_not_name(doctor):
    text = doctor.credential.read_text()
    keys = [{**key, "x": base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")}
            for key in identity_of(text)["verification_keys"]]
    doctor.write_credential(with_identity(text, verification_keys=keys))
    steps = doctor.fails_at("bundle", BAD_BUNDLE)
    assert steps["proof"]["status"] == "ok"


def test_bad_bundle_older_than_the_cached_one(own, tmp_path):
    cache = tmp_path / "cache"
    rest = own.control_plane.rest()
    saved = tmp_path / "saved"
    shutil.copytree(own.control_plane.data_dir, saved)
    assert rest.redeploy("bot", secretSet="voice").status == 200
    assert own.run("--cache-dir", cache, "--state-dir", own.state, "--", "true").returncode == 0
    code, steps = own.report("--cache-dir", cache)
    assert code == OK and steps["cache"]["facts"]["would_serve"]
    # Rolled back behind our back: no `restore`, which would raise the sequences.
    own.control_plane.stop()
    shutil.rmtree(own.control_plane.data_dir)
    shutil.copytree(saved, own.control_plane.data_dir)
    own.control_plane.start()
    own.fails_at("bundle", BAD_BUNDLE, "older", options=("--cache-dir", cache))
    own.control_plane.stop()
    steps = own.fails_at("connect", UNREACHABLE, options=("--cache-dir", cache))
    assert steps["cache"]["facts"]["would_serve"]


def test_a_start_would_not_find_its_command(doctor):
    doctor.fails_at("command", 127, "no-such-bot", options=("--", "no-such-bot"))
    doctor.fails_at("command", 126, "credential", options=("--", doctor.credential))


def test_a_start_would_fail_by_policy(doctor):
    doctor.fails_at("environment", INJECTOR_FAILED, "NOT_THERE", options=("--require", "NOT_THERE"))
    doctor.fails_at("environment", INJECTOR_FAILED, "OPENAI_API_KEY", options=("--on-conflict", "fail"),
                    environment={"OPENAI_API_KEY": IMAGE_VALUE})


def test_a_start_would_have_no_credential(doctor):
    doctor.write_credential("nonsense")
    steps = doctor.fails_at("credential", INJECTOR_FAILED)
    assert list(steps) == ["credential"]


# What is shown


def test_a_pipe_gets_symbols_and_no_colour(doctor):
    finished = doctor.check("--", "sh")
    assert finished.returncode == OK
    lines = finished.stdout.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == ALL_STEPS
    assert all(line.startswith("✓ ") and " ms  " in line for line in lines[:-1])
    assert lines[-1] == "all is well"
    assert "\x1b" not in finished.stdout


def test_a_failure_says_what_to_do_and_is_the_last_step(doctor):
    finished = doctor.check("--require", "NOT_THERE", environment={"LANG": "C"})
    lines = finished.stdout.splitlines()
    assert lines[-3].startswith("FAIL environment ") and "NOT_THERE" in lines[-3]
    assert lines[-2].startswith("  hint: ")
    assert lines[-1] == "stopped at environment: exit code 125"
    assert [line.split()[0] for line in lines[:-3]] == ["ok"] * 8


def test_quiet_shows_only_what_is_not_well(doctor):
    assert doctor.check("-q").stdout == "all is well\n"


def on_a_terminal(doctor, *options, **environment):
    """What `check` writes to a terminal."""
    terminal, inside = pty.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as reader:
        finished = doctor.check(*options, environment=environment, stdout=inside)
        os.close(inside)
        assert finished.returncode == OK
        written = b""
        with contextlib.suppress(OSError):  # EIO: all is read, and nobody has the other end
            while chunk := reader.read(65536):
                written += chunk
    doctor.search.bytes(written, "the terminal")
    assert doctor.search.leaks == []
    return written.decode()


def test_a_terminal_gets_colour_unless_it_declines(doctor):
    assert "\x1b[32m✓\x1b[0m credential" in on_a_terminal(doctor, TERM="xterm")
    assert "\x1b" not in on_a_terminal(doctor, TERM="xterm", NO_COLOR="1")
    assert "\x1b" not in on_a_terminal(doctor, TERM="dumb")


def test_the_search_would_find_a_value_in_the_output(doctor):
    finished = doctor.run("--state-dir", doctor.state, "--", "sh", "-c", "echo ${#OPENAI_API_KEY}")
    assert finished.stdout == f"{len(VALUE)}\n"
    assert not canary.Search({"value": VALUE}).text(f"✓ open {VALUE}", "a line")


def test_nothing_is_written(doctor, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    doctor.check("--cache-dir", tmp_path / "cache")
    doctor.run("env", "--cache-dir", tmp_path / "cache", "--state-dir", tmp_path / "more")
    assert sorted(tmp_path.rglob("*")) == before


# env


def rows_of(finished):
    assert finished.returncode == OK, finished.stderr
    header, *rows = [line.split("\t") for line in finished.stdout.splitlines()]
    assert header == ["NAME", "ORIGIN", "BYTES", "OUTCOME"]
    return {name: tuple(rest) for name, *rest in rows}


def test_env_lists_what_the_command_would_get(doctor):
    image = {"OPENAI_API_KEY": IMAGE_VALUE}
    rows = rows_of(doctor.run("env", environment=image))
    assert rows["OPENAI_API_KEY"] == ("set voice=1", str(len(VALUE)), "set-wins")
    assert rows["DAILY_API_KEY"] == ("set voice=1", str(len(VALUE) + 1), "new")
    assert rows["HOME"] == ("image", str(len("/nonexistent")), "kept")
    assert rows["AGENT_SECRETS_CREDENTIAL_FILE"] == ("image", "-", "removed")
    rows = rows_of(doctor.run("env", "--on-conflict", "keep", "--only", "OPENAI_API_KEY", environment=image))
    assert rows["OPENAI_API_KEY"] == ("image", str(len(IMAGE_VALUE)), "image-wins")
    assert rows["DAILY_API_KEY"] == ("set voice=1", str(len(VALUE) + 1), "left-out")
    document = json.loads(doctor.run("env", "--json").stdout)
    assert document["sets"] == [{"name": "voice", "version": 1}]
    assert {"name": "OPENAI_API_KEY", "origin": "set voice=1", "bytes": len(VALUE), "outcome": "new",
            "key": "OPENAI_API_KEY", "file": None} in (
        document["variables"])


def test_env_is_the_environment_that_the_command_gets(doctor):
    listed = rows_of(doctor.run("env"))
    started = subprocess.run(
        [programs.injector_program(), "--state-dir", doctor.state, "--", "/usr/bin/env", "-0"],
        env=programs.clean_environment(AGENT_SECRETS_CREDENTIAL_FILE=doctor.credential),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=True)
    pairs = dict(pair.split("=", 1) for pair in started.stdout.split("\0") if pair)
    assert {name: str(len(value.encode())) for name, value in pairs.items()} == {
        name: size for name, (_, size, outcome) in listed.items() if outcome != "removed"}


def test_env_and_check_of_env_files_need_no_control_plane(doctor):
    doctor.credential.unlink()
    (doctor.container / "one").write_text(f"A={DOTENV_VALUE}\nB=x\n")
    (doctor.container / "two").write_text("B=yy\n")
    files = ("--env-file", "one", "--env-file", "two")
    rows = rows_of(doctor.run("env", *files))
    assert rows["A"] == ("file one", str(len(DOTENV_VALUE)), "new") and rows["B"] == ("file two", "2", "new")
    code, steps = doctor.report(*files)
    assert (code, list(steps)) == (OK, "env-file environment limits names dotenv state".split())
    doctor.fails_at("env-file", INJECTOR_FAILED, "absent", options=("--env-file", "absent"))


def test_a_wrong_command_line_is_no_check(doctor):
    for action, words in (("check", ["--no-such-option"]), ("env", ["A=1", "python"]), ("check", ["python"])):
        finished = doctor.run(action, *words)
        assert (finished.returncode, finished.stdout) == (INJECTOR_FAILED, "")
        assert "error: " in finished.stderr and "hint: " in finished.stderr


def test_the_help_teaches_both(doctor):
    text = doctor.run("--help").stdout
    assert "secret-injector check -- python bot.py" in text and "secret-injector env " in text
