"""--rename and --prefix: the command's names, and what is judged by which name."""

import json
import subprocess

import pytest

from support import programs


@pytest.fixture
def env_file(tmp_path):
    path = tmp_path / "env-file"
    path.write_text("API_KEY=one\nTOKEN=two\nOTHER=three\n")
    return path


def start(env_file, *options, action=(), environment=None):
    command = ["--", "/usr/bin/env"] if not action else []
    words = [programs.injector_program(), *action, "--env-file", env_file, *options, *command]
    return subprocess.run([str(word) for word in words], env=programs.clean_environment(**(environment or {})),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)


def variables(finished):
    assert finished.returncode == 0, finished.stderr
    return dict(line.split("=", 1) for line in finished.stdout.splitlines())


def test_keys_get_new_names_after_only(env_file):
    got = variables(start(env_file, "--only", "API_KEY,TOKEN", "--rename", "API_KEY=BOT_KEY", "--prefix", "P_"))
    assert (got["BOT_KEY"], got["P_TOKEN"]) == ("one", "two")
    assert not {"API_KEY", "TOKEN", "OTHER", "P_OTHER", "P_API_KEY"} & got.keys()


def test_require_conflict_and_reserved_names_are_judged_by_the_new_names(env_file):
    assert start(env_file, "--prefix", "P_", "--require", "P_TOKEN").returncode == 0
    missing = start(env_file, "--prefix", "P_", "--require", "TOKEN")
    assert "environment: required keys are missing: TOKEN\n" in missing.stderr
    kept = start(env_file, "--rename", "TOKEN=MINE", "--on-conflict", "keep", environment={"MINE": "image"})
    assert variables(kept)["MINE"] == "image"
    reserved = start(env_file, "--rename", "TOKEN=LD_PRELOAD")
    assert reserved.returncode == 125 and "reserved names: LD_PRELOAD" in reserved.stderr


def test_two_keys_of_one_name_are_both_named(env_file):
    clash = start(env_file, "--rename", "API_KEY=SAME,TOKEN=SAME")
    assert clash.returncode == 125
    assert "environment: API_KEY and TOKEN would both be SAME\n" in clash.stderr


def test_a_key_that_is_not_there_is_a_warning(env_file):
    finished = start(env_file, "--rename", "API_KYE=X")
    assert finished.returncode == 0
    assert "--rename names a key that no set has key=API_KYE" in finished.stderr


def test_check_and_env_show_both_names(env_file):
    options = ("--rename", "API_KEY=BOT_KEY", "--rename", "NONE=X")
    report = json.loads(start(env_file, "--json", *options, action=["check"]).stdout)
    facts = {step["name"]: step["facts"] for step in report["steps"]}["environment"]
    assert facts["renamed"] == ["API_KEY as BOT_KEY"] and facts["rename_unknown"] == ["NONE"]
    lines = start(env_file, *options, action=["env"]).stdout.splitlines()
    assert f"BOT_KEY\tfile {env_file} (API_KEY)\t3\tnew" in lines
    listing = json.loads(start(env_file, "--json", *options, action=["env"]).stdout)
    by_name = {variable["name"]: variable for variable in listing["variables"]}
    assert by_name["BOT_KEY"]["key"] == "API_KEY" and by_name["BOT_KEY"]["file"] is None
    assert by_name["TOKEN"]["key"] == "TOKEN"
