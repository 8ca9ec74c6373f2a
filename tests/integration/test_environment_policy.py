"""Which of the set's keys reach the command, and what is said, by name and never by value, when they may not."""

import resource

import pytest

from support import programs, raw_exec
from support.control_plane import ControlPlane

VALUE = "sk-policy-0123456789abcdef"


@pytest.fixture(scope="module")
def set_of_three(tmp_path_factory):
    """Options for each source of the same set, FIRST, MY-KEY and SECOND."""
    directory = tmp_path_factory.mktemp("policy")
    pairs = {"FIRST": VALUE + "1", "MY-KEY": VALUE + "-", "SECOND": VALUE + "2"}
    (directory / "env-file").write_text("".join(f"{key}={value}\n" for key, value in pairs.items()))
    with ControlPlane(directory / "control-plane") as control_plane:
        rest = control_plane.rest()
        assert rest.put_secrets("set1", **pairs).status == 202
        control_plane.wait_ready("set1")
        assert rest.deploy("bot", secretSet="set1").status == 200
        (directory / "credential").write_text(control_plane.issue_credential("bot"))
        (directory / "credential").chmod(0o400)
        yield {"env file": ["--env-file", directory / "env-file"],
               "bundle": ["--credential-file", directory / "credential"]}


@pytest.fixture(params=["env file", "bundle"])
def start(request, set_of_three):
    """start(options, image): the injector's exit, the command's environment as a list, what was said."""
    def run(*options, image=()):
        argv = [programs.injector_program(), *set_of_three[request.param], *options, "/bin/cat", "/proc/self/environ"]
        finished = raw_exec.run(argv, [entry.encode() for entry in image])
        assert VALUE not in finished.stderr.decode()
        assert finished.returncode in (0, 125)
        return finished.returncode, finished.stdout.decode().split("\0")[:-1], finished.stderr.decode()
    return run


def refusal(said):
    """The error and the hint; nothing else was said."""
    error, hint = said.splitlines()
    assert hint.startswith("hint: ")
    return error.removeprefix("secret-injector: error: environment: ")


SET = [f"FIRST={VALUE}1", f"MY-KEY={VALUE}-", f"SECOND={VALUE}2"]


def test_the_set_wins_a_conflict_unless_told_otherwise(start):
    image = ["A=1", "SECOND=image", "B=2", "FIRST=image", "SECOND=again"]
    for options in ((), ("--on-conflict", "override")):
        assert start(*options, image=image) == (0, ["A=1", "B=2", *SET], "")


def test_with_keep_the_image_wins_and_stays_where_it_was(start):
    image = ["A=1", "SECOND=image", "SECOND=again", "B=2"]
    assert start("--on-conflict", "keep", image=image) == (0, [*image, *SET[:2]], "")


def test_with_fail_every_key_that_both_have_is_named(start):
    code, environment, said = start("--on-conflict", "fail", image=["SECOND=1", "A=1", "FIRST=2"])
    assert (code, environment) == (125, [])
    assert refusal(said) == "both the image and the secret set have: FIRST, SECOND"
    assert start("--on-conflict", "fail", image=["A=1"]) == (0, ["A=1", *SET], "")


def test_only_the_named_keys_are_taken(start):
    assert start("--only", "SECOND,MY-KEY", image=["A=1", "FIRST=image"]) == (0, ["A=1", "FIRST=image", *SET[1:]], "")
    assert start("--only", "SECOND", "--only", "FIRST")[1] == [SET[0], SET[2]]


def test_a_key_that_only_names_in_vain_is_a_warning(start):
    code, environment, said = start("--only", "SECOND,SECNOD,OTHER")
    assert (code, environment) == (0, SET[2:])
    assert [line for line in said.splitlines() if "warning" in line and "--only" in line] == said.splitlines()
    assert "SECNOD" in said and "OTHER" in said and len(said.splitlines()) == 2
    assert start("-q", "--only", "SECOND,SECNOD") == (0, SET[2:], "")


def test_all_required_keys_that_are_missing_or_empty_are_named_at_once(start):
    assert start("--require", "FIRST,A", image=["A=1"])[0] == 0
    code, environment, said = start("--require", "X,FIRST,EMPTY", "--require", "Y", image=["EMPTY=", "EMPTY=2"])
    assert (code, environment) == (125, [])
    assert refusal(said) == "required keys are missing: X, EMPTY (empty), Y"


def test_a_required_key_that_only_leaves_out_is_missing(start):
    code, _, said = start("--only", "FIRST", "--require", "FIRST,SECOND")
    assert (code, refusal(said)) == (125, "required keys are missing: SECOND")


def with_env_file(tmp_path, text, *options, image=(), setup=None):
    path = tmp_path / "env-file"
    path.write_text(text)
    argv = [programs.injector_program(), "--env-file", path, *options, "/bin/cat", "/proc/self/environ"]
    finished = raw_exec.run(argv, [entry.encode() for entry in image], setup)
    return finished.returncode, finished.stdout.decode().split("\0")[:-1], finished.stderr.decode()


def test_every_name_that_takes_over_the_process_is_refused_with_its_reason_until_it_is_allowed(tmp_path):
    names = ["LD_PRELOAD", "PYTHONPATH", "PATH", "GIT_SSH_COMMAND", "AGENT_SECRETS_CREDENTIAL", "AGENT_SECRETS_LOG"]
    text = "OK=1\n" + "".join(f"{name}={VALUE}\n" for name in names)
    code, _, said = with_env_file(tmp_path, text)
    assert code == 125 and VALUE not in said
    assert all(f"{name} (" in refusal(said) for name in names)
    code, _, said = with_env_file(tmp_path, text, "--allow", "GIT_SSH_COMMAND,PATH", "--allow", "PYTHONPATH")
    assert code == 125 and "PATH (" not in refusal(said) and "LD_PRELOAD (" in refusal(said)
    assert with_env_file(tmp_path, text, "--only", "OK") == (0, ["OK=1"], "")
    allowed = with_env_file(tmp_path, f"OK=1\nPATH={VALUE}\n", "--allow", "PATH")
    assert allowed[:2] == (0, ["OK=1", f"PATH={VALUE}"])


def test_a_name_that_the_image_usually_sets_is_taken_from_the_set(tmp_path):
    image = ["PORT=7860", "HOME=/root"]
    assert with_env_file(tmp_path, "ENV=production\nPORT=1\n", image=image) == (
        0, ["HOME=/root", "ENV=production", "PORT=1"], "")


def test_a_reserved_name_of_the_image_is_the_images_business(tmp_path):
    image = ["PORT=7860", "PYTHONPATH=/app"]
    assert with_env_file(tmp_path, "OK=1\n", image=image) == (0, [*image, "OK=1"], "")


def test_a_variable_that_is_too_long_is_named(tmp_path):
    code, _, said = with_env_file(tmp_path, "LARGE=" + "x" * 131_072)
    assert code == 125 and "131072 bytes: LARGE" in refusal(said)
    assert with_env_file(tmp_path, "LARGE=" + "x" * (131_072 - len("LARGE=") - 1))[0] == 0


def test_a_total_that_is_too_large_names_the_largest(tmp_path):
    text = "".join(f"KEY_{number}={'x' * (100_000 + number)}\n" for number in range(8))
    code, _, said = with_env_file(
        tmp_path, text, setup=lambda: resource.setrlimit(resource.RLIMIT_STACK, (2 << 20, 2 << 20)))
    assert code == 125 and "KEY_7 (100013 bytes), KEY_6 (" in refusal(said)


def test_env_files_merge_from_left_to_right_without_control_plane_or_credential(tmp_path):
    for name, text in (("one", "A=1\nB=1\nC=1\n"), ("two", "B=2\nC=2\n"), ("three", "C=3\n")):
        (tmp_path / name).write_text(text)
    options = [word for name in ("one", "two", "three") for word in ("--env-file", tmp_path / name)]
    argv = [programs.injector_program(), *options, "/bin/cat", "/proc/self/environ"]
    image = [b"AGENT_SECRETS_CREDENTIAL_FILE=/nonexistent", b"https_proxy=http://127.0.0.1:9"]
    finished = raw_exec.run(argv, image)
    assert (finished.returncode, finished.stderr) == (0, b"")
    assert finished.stdout == b"https_proxy=http://127.0.0.1:9\0A=1\0B=2\0C=3\0"


def test_a_key_that_no_shell_can_name_reaches_the_command(tmp_path):
    assert with_env_file(tmp_path, "MY-KEY=1\n2ND=2\n")[1] == ["2ND=2", "MY-KEY=1"]
