"""One container under runc: read-only, without capabilities and new privileges, RLIMIT_MEMLOCK 0.

It shares the host's network, so that tests can send requests to a bot on loopback.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess

from support import programs
from support.instance import get
from support.wait import wait_for

USER = 10001  # the user of base-image/Dockerfile
DOCKER_INIT = "/sbin/docker-init"  # the path of `docker run --init`
STATE = "/run/agent-secrets"
CREDENTIAL = "/run/secrets/credential"
PLAIN_BOT = {
    "/app/app.py": programs.ROOT / "tests" / "support" / "container_app.py",
    "/app/plain_bot.py": programs.ROOT / "tests" / "support" / "plain_bot.py",
}


class Container:
    """Runs an image as `docker run` does: with the image's entrypoint, command and variables unless given.
    `with` starts the container; leaving the block removes it. The directory stays.

    mounts: {path in the container: path here}, read-only. init: as `docker run --init`.
    root: a writable file system instead of the image's, read-only.
    """

    def __init__(
        self, images, image, directory, credential, *, command=None, entrypoint=None, environment=None,
        mounts=None, init=False, root=None,
    ):
        self.port = programs.free_port()
        self.sidecar_port = programs.free_port()
        self.directory = directory
        self.log_path = directory / "log"
        self.name = f"agent-secrets-{os.getpid()}-{self.port}"
        self.process = None
        self.root, self._readonly = root or images.root(image), root is None
        self._image = images.config(image)
        self._arguments = [DOCKER_INIT, "--"] if init else []
        self._arguments += entrypoint or self._image.get("Entrypoint", [])
        self._arguments += command or self._image.get("Cmd", [])
        self._environment = environment or {}
        self._mounts = {CREDENTIAL: self._own(directory / "credential", credential), **(mounts or {})}
        if init:
            self._mounts[DOCKER_INIT] = shutil.which("tini-static")
        (directory / "cache").mkdir(mode=0o700)
        os.chown(directory / "cache", USER, USER)

    def _own(self, path, text):
        path.parent.mkdir(parents=True)
        path.write_text(text)
        os.chown(path, USER, USER)
        path.chmod(0o400)
        return path

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self._runc("delete", "--force", self.name, check=False)
        if self.process:
            self.process.wait(10)

    def start(self):
        """Returns at once; wait_up() waits for bot and sidecar."""
        bundle = self.directory / "bundle"
        bundle.mkdir(exist_ok=True)
        (bundle / "config.json").write_text(json.dumps(self._config()))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self._runc_command(), "run", "--bundle", bundle, self.name],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        return self

    def _config(self):
        variables = dict(pair.split("=", 1) for pair in self._image.get("Env", []))
        variables |= {
            "AGENT_SECRETS_CREDENTIAL_FILE": CREDENTIAL, "AGENT_SECRETS_UNREADY_WHEN": "stale", "PORT": self.port,
            "AGENT_SECRETS_SIDECAR_LISTEN": f"127.0.0.1:{self.sidecar_port}", **self._environment,
        }
        owned = {"uid": USER, "gid": USER, "mode": "0755"}
        mounts = {path: (source, "ro") for path, source in self._mounts.items()}
        mounts["/var/cache/agent-secrets"] = (self.directory / "cache", "rw")
        config = locked_down(self.root, self._arguments, variables, mounts, {STATE: owned}, self._readonly)
        config["process"]["cwd"] = self._image.get("WorkingDir") or "/"
        return config

    def _runc_command(self):
        return ["runc", "--root", self.directory / "runc"]

    def _runc(self, *arguments, check=True):
        return subprocess.run(
            [*self._runc_command(), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=30, check=check,
        )

    def execute(self, *command):
        """As `docker exec`; returns the finished process."""
        return self._runc("exec", "--user", f"{USER}:{USER}", self.name, *command, check=False)

    def send(self, signal_number):
        """Signals PID 1, as `docker stop` does."""
        self._runc("kill", self.name, signal.Signals(signal_number).name)

    def wait(self, timeout=15):
        """The container's exit code (of PID 1)."""
        return self.process.wait(timeout)

    # Processes in the container

    def pids(self):
        """PIDs on the host, PID 1 first; empty before the container runs."""
        asked = self._runc("state", self.name, check=False)
        state = json.loads(asked.stdout) if asked.returncode == 0 else {"status": "absent"}
        if state["status"] != "running":
            return []
        namespace = os.readlink(f"/proc/{state['pid']}/ns/pid")
        return [state["pid"]] + [pid for pid in _host_pids() if pid != state["pid"] and _namespace(pid) == namespace]

    def pid_of(self, text):
        """The process with the text in its command line, or None."""
        found = [pid for pid in self.pids()[1:] if text.encode() in _proc(pid, "cmdline").split(b"\0-c\0")[0]]
        return found[0] if len(found) == 1 else None

    def states(self):
        """One letter for each process: Z is a zombie."""
        return [_proc(pid, "stat").rsplit(b")", 1)[-1].split()[:1] for pid in self.pids()]

    def inside(self, path):
        """The host's path of a path in the container."""
        return pathlib.Path(f"/proc/{self.pids()[0]}/root{path}")

    # Answers and state of bot and sidecar

    def bot(self, path):
        """(status, parsed JSON or None) of the bot."""
        status, body = get(f"http://127.0.0.1:{self.port}{path}")
        return status, json.loads(body) if body else None

    def sidecar(self, path):
        """(status, body bytes) of the sidecar."""
        return get(f"http://127.0.0.1:{self.sidecar_port}{path}")

    def wait_up(self, timeout=60):
        """Waits until bot and sidecar answer."""
        wait_for(lambda: self._answers(), timeout, "the start of bot and sidecar")
        return self

    def _answers(self):
        assert self.process.poll() is None, f"the container ended with {self.process.returncode}: {self.log()}"
        return self.bot("/livez")[0] == 200 and self.sidecar("/readyz")[1].startswith(b"current")

    def wait_logged(self, text, timeout=20):
        def logged():
            assert self.process.poll() is None, f"the container ended with {self.process.returncode}: {self.log()}"
            return text in self.log()

        wait_for(logged, timeout, "the bot's word in the log")

    def redeploy_flag(self):
        """(redeploy.json parsed, when it was written in Unix time), or None."""
        file = self.inside(f"{STATE}/redeploy.json")
        return (json.loads(file.read_text()), file.stat().st_mtime) if file.exists() else None

    def log(self):
        return self.log_path.read_text(errors="replace")


def locked_down(root, arguments, variables, mounts, tmpfs, readonly=True):
    """The config.json of a container of USER without capabilities and new privileges. mounts: {path: (source here,
    "ro" or "rw")}; tmpfs: {path: options}, besides /tmp and what every container has."""
    none = {kind: [] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")}
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": USER, "gid": USER},
            "args": list(arguments),
            "env": [f"{name}={value}" for name, value in variables.items()],
            "cwd": "/",
            "capabilities": none,
            "noNewPrivileges": True,
            "rlimits": [{"type": "RLIMIT_MEMLOCK", "hard": 0, "soft": 0}],
        },
        "root": {"path": str(root), "readonly": readonly},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            _tmpfs("/dev", mode="755"),
            _tmpfs("/dev/shm", mode="1777"),
            _tmpfs("/tmp", mode="1777"),
            *(_tmpfs(path, **options) for path, options in tmpfs.items()),
            *(_bind(path, source, mode) for path, (source, mode) in mounts.items()),
        ],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]},
    }


def _tmpfs(path, **options):
    return {
        "destination": path, "type": "tmpfs", "source": "tmpfs",
        "options": ["nosuid"] + [f"{key}={value}" for key, value in options.items()],
    }


def _bind(path, source, mode):
    return {"destination": path, "type": "bind", "source": str(source), "options": ["rbind", mode]}


def _host_pids():
    return [int(entry.name) for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()]


def _namespace(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


def _proc(pid, name):
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
