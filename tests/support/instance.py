"""The processes in an agent's container: the injector, the bot that it becomes, and the sidecar."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import urllib.error
import urllib.request

from support import programs
from support.wait import wait_for

PLAIN_BOT = ("/usr/bin/python3", programs.ROOT / "tests" / "support" / "plain_bot.py")


def run_injector(credential, *command, options=(), environment=None, timeout=60, text=True):
    """Runs secret-injector to its end, with the credential's text in the environment (None: without a credential)."""
    variables = programs.clean_environment(**(environment or {}))
    if credential is not None:
        variables["AGENT_SECRETS_CREDENTIAL"] = credential
    arguments = [str(programs.injector_program()), *map(str, options), "--", *map(str, command)]
    return subprocess.run(
        arguments, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=text, timeout=timeout
    )


def injected_environment(credential, directory, **more):
    """The environment a command gets, as {name: bytes}."""
    options = ("--cache-dir", directory / "cache", "--state-dir", directory / "state")
    finished = run_injector(credential, "/usr/bin/env", "-0", options=options, text=False, **more)
    assert finished.returncode == 0, finished.stderr.decode()
    pairs = (pair.split(b"=", 1) for pair in finished.stdout.split(b"\0") if pair)
    return {name.decode(): value for name, value in pairs}


def get(url, timeout=5):
    """(status, body bytes); (0, b"") if no server listens."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return 0, b""


class Instance:
    """A bot under the injector, with a sidecar. Leaving the block ends the bot.

    The bot is `command`, plain_bot.py unless given: it serves PORT and answers /livez.
    """

    def __init__(
        self, directory, credential, *, sidecar=True, timeout=5, unready_when="stale",
        command=PLAIN_BOT, working_directory=None, environment=None,
    ):
        self.state_dir = directory / "state"
        self.cache_dir = directory / "cache"
        self.log_path = directory / "instance.log"
        self.credential = credential
        self.port = programs.free_port()
        self.sidecar_port = programs.free_port()
        self._options = ["--timeout", str(timeout), "--cache-dir", self.cache_dir, "--state-dir", self.state_dir]
        self._options += ["--sidecar"] if sidecar else []
        self._unready_when = unready_when
        self._command = command
        self._working_directory = working_directory
        self._environment = environment or {}
        self.process = None
        directory.mkdir(parents=True, exist_ok=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        sidecar = self.sidecar_pid()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if sidecar is not None:
            # The sidecar ends with the bot; a broken sidecar must not outlive the test.
            with contextlib.suppress(ProcessLookupError):
                os.kill(sidecar, signal.SIGKILL)

    def start(self):
        """Starts the injector and waits for the bot."""
        environment = programs.clean_environment(
            AGENT_SECRETS_CREDENTIAL=self.credential,
            AGENT_SECRETS_SIDECAR_LISTEN=f"127.0.0.1:{self.sidecar_port}",
            AGENT_SECRETS_SIDECAR_UNREADY_WHEN=self._unready_when,
            AGENT_SECRETS_STATE_DIR=self.state_dir,
            AGENT_SECRETS_UNREADY_WHEN=self._unready_when,
            PORT=self.port,
            **self._environment,
        )
        command = [programs.injector_program(), *self._options, "--", *self._command]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command], env=environment, cwd=self._working_directory,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        wait_for(self._up, 30, "the bot's start")
        return self

    def _up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the bot exited {self.process.returncode}: {self.log()}")
        return self.bot("/livez")[0] == 200

    def stop(self, timeout=10):
        """Sends SIGTERM and returns the exit code. The sidecar ends with the bot: waits for this end too."""
        sidecar = self.sidecar_pid()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        if sidecar is not None:
            wait_for(lambda: not _alive(sidecar), timeout, "the sidecar's end")
        return code

    @property
    def pid(self):
        return self.process.pid

    def bot(self, path):
        """(status, parsed JSON or None) of the bot."""
        status, body = get(f"http://127.0.0.1:{self.port}{path}")
        return status, json.loads(body) if body else None

    def sidecar(self, path):
        """(status, body bytes) of the sidecar."""
        return get(f"http://127.0.0.1:{self.sidecar_port}{path}")

    def sidecar_pid(self):
        """Finds the process by program and command line or environment, because it has no living parent in the test."""
        mine = os.fsencode(self.state_dir)
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if os.readlink(entry / "exe") != str(programs.sidecar_program().resolve()):
                    continue
                if mine in (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes():
                    return int(entry.name)
            except OSError:
                continue
        return None

    def redeploy_flag(self):
        """redeploy.json parsed, or None if it does not exist."""
        try:
            return json.loads((self.state_dir / "redeploy.json").read_text())
        except FileNotFoundError:
            return None

    def redeploy_flag_written_at(self):
        """Unix time in seconds."""
        return (self.state_dir / "redeploy.json").stat().st_mtime

    def sidecar_status(self):
        """Exit code of `secret-sidecar status`: 0 current, 10 stale, 11 superseded, 12 unknown."""
        command = [str(programs.sidecar_program()), "status", "--state-dir", str(self.state_dir)]
        finished = subprocess.run(
            command, env=programs.clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=10
        )
        return finished.returncode

    def log(self):
        return self.log_path.read_text(errors="replace")


def _alive(pid):
    """A zombie that an init has not reaped yet counts as ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
