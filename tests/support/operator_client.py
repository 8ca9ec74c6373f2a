"""The demo's operator writes secrets and deploys with the official CLI; if it cannot be installed, with curl
and the same requests."""

import json
import subprocess

from support import official_cli, programs


def operator_client(control_plane, home):
    if official_cli.installed():
        return CliOperator(control_plane, home)
    return CurlOperator(control_plane, home)


class CliOperator:
    name = "pipecat cloud"

    def __init__(self, control_plane, home):
        self._cli = official_cli.OfficialCli(
            control_plane.url, control_plane.token, control_plane.organization, home, imported=False
        )

    def start_secrets_set(self, name, **pairs):
        """Starts the command; the caller ends it with finish()."""
        words = [f"{key}={value}" for key, value in pairs.items()]
        return self._cli.start("secrets", "set", name, *words, "--skip")

    def finish(self, process):
        """(exit code, all output)."""
        output, _ = process.communicate(timeout=60)
        return process.returncode, output

    def deploy(self, agent, image, secret_set, force=False):
        flag = "--force" if force else "--yes"
        finished = self._cli.run("deploy", agent, image, "--secrets", secret_set, flag)
        return finished.returncode, finished.stdout


class CurlOperator:
    name = "curl, as pipecat cloud would:"

    def __init__(self, control_plane, home):
        home.mkdir(parents=True, exist_ok=True)
        self._url = f"{control_plane.url}/v1/organizations/{control_plane.organization}"
        self._rest = control_plane.rest()
        # The token is in a file, because every user of the machine can read a command line.
        self._config = home / "curlrc"
        self._config.touch(mode=0o600)
        self._config.write_text(
            f'header = "Authorization: Bearer {control_plane.token}"\nheader = "Content-Type: application/json"\n'
        )

    def _curl(self, method, path, body):
        command = ["curl", "-sS", "--fail-with-body", "-K", self._config, "-X", method, "--data-binary", "@-"]
        return subprocess.run(
            [*command, f"{self._url}/{path}"], env=programs.clean_environment(),
            input=json.dumps(body), capture_output=True, text=True, timeout=30,
        )

    def start_secrets_set(self, name, **pairs):
        # One PUT a key, as the CLI does.
        bodies = [{"name": name, "isImagePullSecret": False, "secretKey": k, "secretValue": v} for k, v in pairs.items()]
        return [self._curl("PUT", f"secrets/{name}", body) for body in bodies]

    def finish(self, processes):
        return max(p.returncode for p in processes), "".join(p.stdout + p.stderr for p in processes)

    def deploy(self, agent, image, secret_set, force=False):
        method = "PUT" if self._rest.org("GET", f"services/{agent}").status == 200 else "POST"
        body = {"serviceName": agent, "image": image, "secretSet": secret_set, "autoScaling": {"minAgents": 0}}
        if force and method == "PUT":
            body["forceRedeploy"] = True
        finished = self._curl(method, "services", body)
        return finished.returncode, finished.stdout + finished.stderr
