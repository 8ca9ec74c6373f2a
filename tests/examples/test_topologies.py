"""The command lines in examples/kubernetes do what they say, run here with other paths."""

import contextlib
import json
import os
import subprocess

import pytest
from support import programs
from support.instance import PLAIN_BOT, get
from support.wait import wait_for

yaml = pytest.importorskip("yaml", reason="script/bootstrap --examples installs it")
MANIFESTS = programs.ROOT / "examples" / "kubernetes"


class Pod:
    """The containers of a manifest as processes: volumes are folders, tini and the bot are exchanged."""

    def __init__(self, name, directory):
        pod = next(yaml.safe_load_all((MANIFESTS / name).read_text()))["spec"]["template"]["spec"]
        self.containers = {part["name"]: part for part in pod.get("initContainers", []) + pod["containers"]}
        self.directory = directory
        self.port = programs.free_port()
        self.state_dir = self.volume("state")
        self.log = directory / "pod.log"
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def volume(self, name):
        path = self.directory / name
        path.mkdir(exist_ok=True)
        return path

    def place(self, container, text):
        """A path in the container, here."""
        for mount in container["volumeMounts"]:
            if text.startswith(mount["mountPath"]):
                return str(self.volume(mount["name"])) + text.removeprefix(mount["mountPath"])
        return text

    def start(self, name):
        container = self.containers[name]
        command = [self.place(container, part) for part in container["command"]]
        if name == "bot":
            command = command[command.index("secret-injector") :] + [str(part) for part in PLAIN_BOT]
        programs_of_ours = {"secret-injector": programs.injector_program(), "secret-sidecar": programs.sidecar_program()}
        command[0] = str(programs_of_ours[command[0]])
        arguments = [] if name == "bot" else [self.place(container, part) for part in container["args"]]
        variables = {item["name"]: self.place(container, item["value"]) for item in container.get("env", [])}
        environment = programs.clean_environment(PORT=self.port, AGENT_SECRETS_STATE_DIR=self.state_dir, **variables)
        with open(self.log, "ab") as log:
            process = subprocess.Popen(command + arguments, env=environment, stdout=log, stderr=log)
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        return process

    def ready(self):
        """(status, body) of the bot's readiness."""
        status, body = get(f"http://127.0.0.1:{self.port}/readyz")
        return status, json.loads(body) if body else None

    def probe(self):
        """Exit code of the readiness probe that is a command."""
        command = self.containers["bot"]["readinessProbe"]["exec"]["command"]
        environment = programs.clean_environment(AGENT_SECRETS_SIDECAR_STATE_DIR=self.state_dir)
        return subprocess.run(command, env=environment, capture_output=True, timeout=20).returncode


@pytest.fixture
def credential(control_plane, rest):
    rest.put_secrets("set1", GREETING="hello")
    control_plane.wait_ready("set1")
    assert rest.deploy("bot", secretSet="set1").status == 200
    return control_plane.issue_credential("bot")


def write(path, text):
    path.write_text(text)
    path.chmod(0o400)


def test_a_sidecar_container_with_a_watch_credential_tells_the_bot(control_plane, rest, credential, tmp_path):
    with Pod("bot.yaml", tmp_path) as pod:
        write(pod.volume("agent-credential") / "credential", credential)
        watch = subprocess.run(
            [programs.injector_program(), "watch-credential", "--credential-file", tmp_path / "agent-credential" / "credential"],
            check=True, capture_output=True, text=True, env=programs.clean_environment(),
        )
        write(pod.volume("watch-credential") / "credential", watch.stdout)
        pod.start("secret-sidecar")
        wait_for((pod.state_dir / "sidecar.lock").exists, what="the sidecar's start, before the bot's")
        pod.start("bot")
        wait_for(lambda: pod.ready()[0] == 200 and pod.ready()[1]["sidecar"], what="the bot's start")
        rest.put_secrets("set1", GREETING="bonjour")
        wait_for(lambda: pod.ready()[1]["status"] == "redeploy needed: stale", what="the word of the new value")
        assert pod.ready()[0] == 200  # as the manifest has it: only a newer deployment makes it unready
        assert rest.redeploy("bot", secretSet="set1").status == 200
        wait_for(lambda: pod.ready()[0] == 503, what="the refusal of new sessions")


def test_any_image_is_asked_through_its_sidecar(control_plane, rest, credential, tmp_path):
    with Pod("any-image.yaml", tmp_path) as pod:
        write(pod.volume("agent-credential") / "credential", credential)
        assert pod.probe() == 0  # nothing known yet is no reason to be unready
        bot = pod.start("bot")
        wait_for(lambda: pod.ready()[0] == 200 and pod.ready()[1]["sidecar"], what="the bot's start")
        assert pod.probe() == 0
        rest.put_secrets("set1", GREETING="bonjour")
        wait_for(lambda: pod.probe() == 1, what="the probe's failure")
        bot.kill()
        wait_for(lambda: pod.probe() == 0, what="the sidecar's end with the bot")
        assert os.listdir(tmp_path / "cache") == ["agent-secrets"]
