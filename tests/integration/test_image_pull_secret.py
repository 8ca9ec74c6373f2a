"""`image-pull-secret render`: what container platforms take, and nobody else sees."""

import base64
import json
import os
import secrets
import shutil
import subprocess

import pytest

from support import canary, programs
from support.control_plane import ControlPlane
from support.set_states import damage, held_region

USER = "puller"
TOKEN = f"canary-{secrets.token_hex(12)}"
BASE64 = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()


def put(control_plane, name, host="https://registry.example:5000/v2", value=BASE64):
    body = {"isImagePullSecret": True, "secretValue": value, "host": host}
    assert control_plane.rest().org("PUT", f"secrets/{name}", body).status == 202


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        put(running, "registry")
        put(running, "hub", "docker.io", f"{USER}:{TOKEN}")  # raw
        put(running, "odd", value="bm8gbG9naW4=")
        assert running.rest().put_secrets("bot-secrets", A="1").status == 202
        for name in ("registry", "hub", "odd", "bot-secrets"):
            running.run("set", "wait", name)
        yield running


def render(control_plane, *arguments, check=True):
    return control_plane.run("image-pull-secret", "render", *arguments, check=check)


def entry(key):
    return {"auths": {key: {"auth": BASE64, "username": USER, "password": TOKEN}}}


@pytest.mark.parametrize("name, key", [
    ("registry", "registry.example:5000"), ("hub", "https://index.docker.io/v1/"),
])
def test_a_secret_is_rendered_under_the_key_that_docker_looks_up(control_plane, name, key):
    rendered = render(control_plane, name, "--format", "dockerconfigjson")
    assert json.loads(rendered.stdout) == entry(key)
    assert rendered.stderr == ""


@pytest.mark.skipif(not shutil.which("buildah"), reason="script/bootstrap --containers installs buildah")
@pytest.mark.parametrize("name, registry", [("registry", "registry.example:5000"), ("hub", "docker.io")])
def test_a_container_tool_finds_the_login_in_it(control_plane, tmp_path, name, registry):
    file = tmp_path / "config.json"
    render(control_plane, name, "--output", file)
    shown = subprocess.run(
        ["buildah", "login", "--get-login", "--authfile", file, registry],
        env=programs.clean_environment(HOME=tmp_path, XDG_RUNTIME_DIR=tmp_path), capture_output=True, text=True, timeout=30,
    )
    assert (shown.returncode, shown.stdout.strip()) == (0, USER), shown.stderr


def test_a_file_is_replaced_whole_and_is_its_owners_alone(control_plane, tmp_path):
    file = tmp_path / "config.json"
    file.write_text("another")
    file.chmod(0o644)
    before = os.umask(0)
    try:
        rendered = render(control_plane, "registry", "--output", file)
    finally:
        os.umask(before)
    assert rendered.stdout == "" and file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text()) == entry("registry.example:5000")
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_in_the_working_directory_needs_no_directory_in_its_name(control_plane, tmp_path):
    command = control_plane.command("image-pull-secret", "render", "registry", "--output", "config.json")
    subprocess.run(command, cwd=tmp_path, env=programs.clean_environment(), check=True, timeout=30)
    assert json.loads((tmp_path / "config.json").read_text()) == entry("registry.example:5000")


def test_a_file_that_cannot_be_written_leaves_nothing(control_plane, tmp_path):
    (tmp_path / "taken").mkdir()
    assert render(control_plane, "registry", "--output", tmp_path / "taken", check=False).returncode == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]


def test_a_terminal_is_warned(control_plane):
    ours, theirs = os.openpty()
    finished = subprocess.run(
        control_plane.command("image-pull-secret", "render", "registry"), env=programs.clean_environment(),
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=30,
    )
    os.close(theirs)
    shown = os.read(ours, 4096)
    os.close(ours)
    assert json.loads(shown) == entry("registry.example:5000")
    assert "this is a secret" in finished.stderr


def test_one_that_is_not_ready_is_refused_unless_allowed(control_plane):
    put(control_plane, "late")
    control_plane.run("set", "wait", "late")
    with held_region(control_plane):
        put(control_plane, "late", host="other.example")
        refused = render(control_plane, "late", check=False)
        allowed = render(control_plane, "late", "--allow-pending")
    assert refused.returncode == 1 and "is pending" in refused.stderr and "set wait" in refused.stderr
    assert json.loads(allowed.stdout) == entry("other.example")


@pytest.mark.parametrize("name, says", [
    ("bot-secrets", "a secret set, not an image pull secret"), ("unknown", "no image pull secret 'unknown'"),
    ("odd", "not USERNAME:PASSWORD"),
])
def test_what_is_no_login_is_refused(control_plane, name, says):
    refused = render(control_plane, name, check=False)
    assert refused.returncode == 1 and refused.stdout == ""
    assert says in refused.stderr


def test_a_value_that_does_not_decrypt_is_refused(control_plane):
    put(control_plane, "broken")
    control_plane.run("set", "wait", "broken")
    damage(control_plane, "broken")
    refused = render(control_plane, "broken", "--allow-pending", check=False)
    assert refused.returncode == 1 and refused.stdout == ""


def test_the_login_is_in_no_log_and_not_in_the_data_directory(control_plane):
    search = canary.Search({"TOKEN": TOKEN})
    assert render(control_plane, "registry").returncode == 0
    search.bytes(control_plane.log_path.read_bytes(), "the log")
    assert search.tree(control_plane.data_dir) > 2
    assert search.leaks == []
    assert search.text(render(control_plane, "registry").stdout, "what is printed") is False
