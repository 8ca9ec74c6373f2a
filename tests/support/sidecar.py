"""A sidecar without an injector, as in a separate container, and its data in /proc."""

import json
import os
import pathlib
import subprocess

from support import programs
from support.wait import wait_for


def watch_credential(agent_credential):
    """The watch credential, printed by the injector."""
    return subprocess.run(
        [programs.injector_program(), "watch-credential"], check=True, capture_output=True, text=True,
        env=programs.clean_environment(AGENT_SECRETS_CREDENTIAL=agent_credential)).stdout.strip()


class Sidecar:
    """`secret-sidecar run` with a watch credential; leaving the block ends it. `process` has more arguments of Popen;
    its output goes into a file unless these arguments change it."""

    def __init__(self, directory, credential, *options, sequence=None, environment=None, **process):
        self.state_dir = directory / "state"
        self.state_dir.mkdir(parents=True, exist_ok=True)
        credential_file = directory / "watch.credential"
        credential_file.write_text(credential)
        credential_file.chmod(0o600)
        self.log_path = directory / "sidecar.log"
        self._command = [programs.sidecar_program(), "run", "--credential-file", credential_file,
                         "--state-dir", self.state_dir, *options]
        if sequence is not None:
            self._command += ["--sequence", sequence]
        self._environment = environment or {}
        self._process_options = process
        self.process = None

    def __enter__(self):
        with open(self.log_path, "ab") as log:
            output = {"stdout": log, "stderr": log} | self._process_options
            self.process = subprocess.Popen(
                [str(word) for word in self._command], env=programs.clean_environment(**self._environment),
                stdin=subprocess.DEVNULL, **output)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    @property
    def proc(self):
        return pathlib.Path(f"/proc/{self.process.pid}")

    def knows(self):
        """sidecar.json parsed; an empty object before the first answer."""
        try:
            return json.loads((self.state_dir / "sidecar.json").read_text())
        except FileNotFoundError:
            return {}

    def wait_until(self, state, timeout=10):
        return wait_for(lambda: self.knows().get("state") == state and self.knows(), timeout,
                        f"the state {state}", interval=0.005)

    def wake_ups(self):
        """The number of wake-ups of all its threads since its start."""
        total = 0
        for task in (self.proc / "task").iterdir():
            for line in (task / "status").read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches:"):
                    total += int(line.split()[1])
        return total

    def descriptors(self):
        return len(os.listdir(self.proc / "fd"))

    def pss_kib(self):
        """Proportional set size: its own pages, and its share of shared pages (proc(5))."""
        for line in (self.proc / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
        raise AssertionError("no Pss line")
