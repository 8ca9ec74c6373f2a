"""What examples/ offers is valid to the tools that its users run, and says what it should."""

import fnmatch
import re
import shutil
import subprocess
import tomllib

import pytest
from support.programs import ROOT

yaml = pytest.importorskip("yaml", reason="script/bootstrap --examples installs it")
EXAMPLES = ROOT / "examples"
VALIDATOR = ROOT / "build" / "examples" / "bin" / "kubernetes-validate"
MANIFESTS = sorted((EXAMPLES / "kubernetes").glob("*.yaml"))


def changed(path, old, new, directory):
    """A copy of a file with a mistake in it: what finds none in the file must find this one."""
    text = path.read_text()
    assert old in text
    copy = directory / path.name
    copy.write_text(text.replace(old, new))
    return copy


# Compose


def compose(path):
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed; run script/bootstrap --examples")
    return subprocess.run([program, "--file", path, "config"], capture_output=True, text=True, timeout=60)


def service_facts(path):
    """The services of a Compose file, as Compose reads them."""
    finished = compose(path)
    assert finished.returncode == 0, finished.stderr
    return yaml.safe_load(finished.stdout)["services"]


def test_compose_accepts_its_file_and_finds_a_mistake(tmp_path):
    path = EXAMPLES / "compose" / "compose.yaml"
    bot = service_facts(path)["bot"]
    assert bot["environment"] == {"AGENT_SECRETS_CREDENTIAL_FILE": "/run/secrets/bot-credential"}
    assert bot["read_only"] is True and bot["cap_drop"] == ["ALL"]
    assert compose(changed(path, "read_only:", "read_onyl:", tmp_path)).returncode != 0


def test_the_replicas_have_no_more_rights_than_they_need(tmp_path):
    path = EXAMPLES / "compose" / "replicas.yaml"
    services = service_facts(path)
    assert set(services) >= {"one", "two", "balancer", "database"}
    assert services["one"] == services["two"]
    for service in services.values():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert services["database"]["network_mode"] == "none" and "ports" not in services["one"]
    # Neither the load balancer nor the database gets the master key; the environment has no password.
    assert {name for name in services if "master-key" in sources(services[name])} <= {"one", "two", "init"}
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            assert "PASS" not in name or value.startswith("/run/secrets/")
    assert compose(changed(path, "network_mode:", "netwrok_mode:", tmp_path)).returncode != 0


def test_the_control_plane_has_no_more_rights_than_it_needs(tmp_path):
    path = EXAMPLES / "compose" / "control-plane.yaml"
    services = service_facts(path)
    for service in services.values():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    # What the image's health check asks, and a directory for the socket that its user may write to.
    assert "--listen=unix:/run/agent-secrets/api.sock" in services["control-plane"]["command"]
    assert "/run/agent-secrets:uid=10001,gid=10001,mode=0700" in services["control-plane"]["tmpfs"]
    assert compose(changed(path, "read_only:", "read_onyl:", tmp_path)).returncode != 0


def sources(service):
    return {each["source"] for each in service.get("secrets", [])}


@pytest.mark.parametrize("name", ["compose.yaml", "replicas.yaml", "control-plane.yaml"])
def test_no_secret_file_gets_into_git_or_into_an_image(name):
    """The secret files are beside the example, and so inside the context of an image build."""
    document = yaml.safe_load((EXAMPLES / "compose" / name).read_text())
    ignored = (ROOT / ".dockerignore").read_text().split()
    for secret in document["secrets"].values():
        path = f"examples/compose/{secret['file'].removeprefix('./')}"
        assert any(fnmatch.fnmatch(path, pattern) for pattern in ignored), path
        subprocess.run(["git", "-C", ROOT, "check-ignore", "--quiet", "--no-index", path], check=True, timeout=30)


# Kubernetes


def validate(path, version):
    if not VALIDATOR.exists():
        pytest.skip("kubernetes-validate is not installed; run script/bootstrap --examples")
    command = [VALIDATOR, "--strict", "--kubernetes-version", version, path]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_kubernetes_schemas_accept_the_manifest_and_find_a_mistake(path, tmp_path):
    for version in ("1.29", "1.37"):  # the first with native sidecars, and a new one
        finished = validate(path, version)
        assert finished.returncode == 0, finished.stdout + finished.stderr
    assert validate(changed(path, "defaultMode", "defautMode", tmp_path), "1.29").returncode != 0


def pod_of(path):
    [deployment] = [part for part in yaml.safe_load_all(path.read_text()) if part["kind"] == "Deployment"]
    return deployment["spec"]["template"]["spec"]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_pod_has_no_more_rights_than_it_needs(path):
    pod = pod_of(path)
    assert pod["automountServiceAccountToken"] is False
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True and security["runAsUser"] == security["fsGroup"] == 10001
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod.get("initContainers", []) + pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }
    for volume in pod["volumes"]:
        assert volume.get("secret", {}).get("defaultMode", 0o400) == 0o400


def test_the_sidecar_container_cannot_reach_the_agent_credential():
    pod = pod_of(EXAMPLES / "kubernetes" / "bot.yaml")
    secrets = {volume["name"]: volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
    mounted = {
        container["name"]: {secrets[mount["name"]] for mount in container["volumeMounts"] if mount["name"] in secrets}
        for container in pod["initContainers"] + pod["containers"]
    }
    assert mounted == {"secret-sidecar": {"acme--tone-bot-watch"}, "bot": {"acme--tone-bot-agent"}}


# Fly: its own tool validates with an account only, so this is what it would look at.

FLY_KEYS = {
    "": {"app", "primary_region", "kill_signal", "kill_timeout", "build", "deploy", "http_service", "vm"},
    "build": {"image"},
    "deploy": {"strategy"},
    "http_service": {
        "internal_port", "force_https", "auto_stop_machines", "auto_start_machines", "min_machines_running",
        "concurrency", "checks",
    },
    "http_service.concurrency": {"type", "soft_limit", "hard_limit"},
    "http_service.checks": {"path", "method", "interval", "timeout", "grace_period"},
    "vm": {"size", "memory"},
}


def tables(value, name=""):
    """Each table of a TOML document with its dotted name."""
    yield name, value
    for key, member in value.items():
        for table in member if isinstance(member, list) else [member]:
            if isinstance(table, dict):
                yield from tables(table, f"{name}.{key}".lstrip("."))


def test_fly_knows_every_key():
    with open(EXAMPLES / "fly" / "fly.toml", "rb") as file:
        document = tomllib.load(file)
    for name, table in tables(document):
        assert set(table) <= FLY_KEYS[name], name
    check = document["http_service"]["checks"][0]
    for duration in (document["kill_timeout"], check["interval"], check["timeout"], check["grace_period"]):
        assert re.fullmatch(r"\d+[sm]", duration)
    assert document["http_service"]["auto_stop_machines"] in ("off", "stop", "suspend")
    assert document["deploy"]["strategy"] in ("rolling", "bluegreen", "canary", "immediate")
    assert check["path"] == "/readyz"


# All of them


@pytest.mark.parametrize("path", [path for path in EXAMPLES.rglob("*") if path.is_file()], ids=lambda path: path.name)
def test_no_example_holds_a_credential(path):
    assert not re.search(rb"agent(cred|watch)_v1_[A-Za-z0-9]", path.read_bytes())
