"""examples/ci does what it says: the script waits for a real set, the workflows' steps write, wait and deploy."""

import shutil
import subprocess
import time

import pytest
from support import misbehaving_server as bad
from support import official_cli, programs, tls
from support.control_plane import ControlPlane
from support.programs import ROOT
from support.set_states import damage, held_region

CI = ROOT / "examples" / "ci"
SCRIPT = CI / "wait-for-set.sh"


def wait_for_set(control_plane, *arguments, url=None, token=None, organization="acme", **variables):
    environment = programs.clean_environment(
        PIPECAT_API_HOST=url or control_plane.url, PIPECAT_TOKEN=token or control_plane.token,
        PIPECAT_ORG=organization, **variables,
    )
    return subprocess.run(
        [SCRIPT, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
    )


def steps(name):
    """The shell commands of a workflow, in order."""
    yaml = pytest.importorskip("yaml", reason="script/bootstrap --examples installs it")
    workflow = yaml.safe_load((CI / name).read_text())
    if name == "gitlab-ci.yml":
        return workflow["deploy"]["before_script"] + workflow["deploy"]["script"]
    return [step["run"] for step in workflow["jobs"]["deploy"]["steps"] if "run" in step]


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        assert running.rest().put_secrets("bot-secrets", A="1").status == 202
        running.wait_ready("bot-secrets")
        yield running


def test_the_script_ends_in_silence_when_a_set_is_ready(control_plane):
    for organization in ("acme", ""):
        finished = wait_for_set(control_plane, "bot-secrets", organization=organization)
        assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")


def test_the_script_times_out_with_4(control_plane):
    with held_region(control_plane):
        assert control_plane.rest().put_secrets("bot-secrets", A="2").status == 202
        finished = wait_for_set(control_plane, "bot-secrets", "1")
    assert finished.returncode == 4 and "pending" in finished.stderr
    assert wait_for_set(control_plane, "bot-secrets", "10").returncode == 0


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return tls.Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize("url, says, hint", [
    ("http://REFUSED", "no connection to http://127.0.0.1", "the control plane runs"),
    ("https://control-plane.invalid", "DNS: no address of https://control-plane.invalid", "PIPECAT_API_HOST"),
])
def test_the_script_names_why_nothing_answers_after_its_seconds(control_plane, url, says, hint):
    url = url.replace("REFUSED", bad.refused_authority())
    finished = wait_for_set(control_plane, "bot-secrets", "0", url=url)
    first, second = finished.stderr.splitlines()
    assert finished.returncode == 4 and first.startswith(f"wait-for-set: cannot ask for bot-secrets: {says}")
    assert second.startswith("hint: ") and hint in second


@pytest.mark.parametrize("behaviour, says", [
    (bad.silent, "no answer from http://127.0.0.1"),
    (bad.closes_after_the_request, "no whole answer from"),
    (bad.resets, "no whole answer from"),
    (bad.says(200, b'{"status":"ready"}', length=1000), "no whole answer from"),
    (bad.says(200, b"<html>Please log in</html>"), "bot-secrets is not ready: an answer without a status"),
    (bad.says(503), "bot-secrets is not ready: HTTP 503"),
])
def test_the_seconds_of_the_script_hold_whatever_answers(control_plane, behaviour, says):
    with bad.Server(behaviour) as server:
        started = time.monotonic()
        finished = wait_for_set(control_plane, "bot-secrets", "1", url=server.url())
    assert finished.returncode == 4 and says in finished.stderr
    assert time.monotonic() - started < 8


def test_the_script_trusts_the_authority_that_it_is_given(control_plane, authority):
    with bad.Server(bad.says(200, b'{"status":"ready"}'), tls=authority.server_certificate("good")) as server:
        finished = wait_for_set(control_plane, "bot-secrets", url=server.url("https"),
                                CURL_CA_BUNDLE=authority.certificate)
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.parametrize("certificate, trusted, says", [
    ({}, None, "is not trusted: "),
    ({"expired": True}, "ca.pem", "certificate has expired"),
    ({"addresses": ("DNS:other.example",)}, "ca.pem", "is not trusted: SSL: "),
    ({}, "absent.pem", "the file of trusted authorities cannot be read"),
])
def test_the_script_ends_at_once_at_a_certificate_that_it_cannot_trust(control_plane, authority, request, certificate,
                                                                       trusted, says):
    name = f"server-{request.node.callspec.indices['certificate']}"
    variables = {"CURL_CA_BUNDLE": authority.directory / trusted} if trusted else {}
    with bad.Server(bad.good, tls=authority.server_certificate(name, **certificate)) as server:
        finished = wait_for_set(control_plane, "bot-secrets", "20", url=server.url("https"), **variables)
    assert finished.returncode == 1 and "wait-for-set: TLS: " in finished.stderr and says in finished.stderr
    assert "hint: " in finished.stderr and "CURL_CA_BUNDLE" in finished.stderr
    assert server.requests == []


@pytest.mark.parametrize("behaviour", [bad.plain_http, bad.tls_alert])
def test_the_script_names_a_failed_handshake(control_plane, behaviour):
    with bad.Server(behaviour) as server:
        finished = wait_for_set(control_plane, "bot-secrets", "3", url=server.url("https"))
    assert finished.returncode == 4 and "TLS: no handshake with https://127.0.0.1" in finished.stderr


def test_the_script_names_a_wrong_address_without_its_password(control_plane):
    finished = wait_for_set(control_plane, "bot-secrets", url="https://me:hunter2@host:99999999")
    assert finished.returncode == 1 and "PIPECAT_API_HOST" in finished.stderr
    assert "hunter2" not in finished.stderr


def test_the_script_names_a_missing_curl(control_plane, tmp_path):
    for program in ("sh", "date", "sed", "head"):
        (tmp_path / program).symlink_to(shutil.which(program))
    finished = wait_for_set(control_plane, "bot-secrets", PATH=str(tmp_path))
    assert finished.returncode == 1 and "install curl" in finished.stderr


def test_the_script_ends_with_3_when_a_set_failed(control_plane):
    assert control_plane.rest().put_secrets("broken", A="1").status == 202
    control_plane.wait_ready("broken")
    damage(control_plane, "broken")
    finished = wait_for_set(control_plane, "broken")
    assert finished.returncode == 3 and "errorMessage" in finished.stderr


def test_the_script_ends_at_once_where_waiting_cannot_help(control_plane):
    unknown = wait_for_set(control_plane, "unknown")
    assert unknown.returncode == 1 and "Set not found" in unknown.stderr
    stranger = wait_for_set(control_plane, "bot-secrets", token="pcc_pat_nobody")
    assert stranger.returncode == 1 and "401" in stranger.stderr
    assert wait_for_set(control_plane).returncode == 2


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_the_steps_of_a_workflow_write_wait_and_deploy(control_plane, tmp_path, name):
    if not official_cli.installed():
        pytest.skip("the official CLI is not installed; run script/bootstrap")
    install, *rest = steps(name)
    assert install.startswith("pip install pipecatcloud==")
    environment = programs.clean_environment(
        PIPECAT_API_HOST=control_plane.url, PIPECAT_ORG="acme", PIPECAT_TOKEN=control_plane.token,
        OPENAI_API_KEY="sk-of-the-pipeline", DAILY_API_KEY="dk", IMAGE=f"registry.example/tone-bot:{name}",
        HOME=tmp_path, TMPDIR=tmp_path, PATH=f"{official_cli.NEWEST.program.parent}:/usr/bin:/bin",
    )
    script = "\n".join(["set -e", *rest]) if name == "gitlab-ci.yml" else None
    for command in [script] if script else rest:
        finished = subprocess.run(
            ["bash", "-e", "-c", command], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=120,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
    agent = control_plane.rest().org("GET", "services/tone-bot").body["body"]
    assert agent["deployment"]["manifest"]["spec"]["image"] == f"registry.example/tone-bot:{name}"
    assert list(tmp_path.glob("tmp.*")) == []


@pytest.mark.parametrize("name", ["wait-for-set.sh", "github-actions.yml", "gitlab-ci.yml"])
def test_shellcheck_finds_nothing_in_what_a_pipeline_runs(tmp_path, name):
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed; run script/bootstrap --examples")
    script = tmp_path / "script"
    shell = SCRIPT.read_text() if name == SCRIPT.name else "#!/bin/bash\nset -e\n" + "\n".join(steps(name))
    script.write_text(shell)
    checked = subprocess.run(["shellcheck", script], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout
