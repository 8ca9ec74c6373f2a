"""The commands of docs/recipes.md do what the page says, with the real tools."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from support import programs
from support.wait import wait_for

TOOLS = programs.ROOT / "build" / "examples" / "bin"
PAGE = (programs.ROOT / "docs" / "recipes.md").read_text()
PORT = "5678"

SAYS_ITS_VALUE = "import os; print('pid', os.getpid(), 'has', os.environ.get('KEY'), flush=True)\n"
WAITS = SAYS_ITS_VALUE + "import time; time.sleep(120)\n"
APP = SAYS_ITS_VALUE + """
async def app(scope, receive, send):
    while scope["type"] == "lifespan":
        event = (await receive())["type"]
        await send({"type": event + ".complete"})
        if event == "lifespan.shutdown":
            return
"""


def commands(heading):
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [block.strip() for block in re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)]


@pytest.fixture
def project(tmp_path):
    """A bot's directory with a .env, where the commands are run."""
    if not (TOOLS / "uv").exists():
        pytest.skip("the tools are not installed; run script/bootstrap --examples")
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / ".env").write_text("KEY=first\n")
    return directory


class Running:
    """A command in a session of its own, which ends with the `with`."""

    def __init__(self, command, project, **more):
        self._log = project.with_name("log")
        path = f"{TOOLS}:{programs.injector_program().parent}:/usr/bin:/bin"
        environment = programs.clean_environment(HOME=project.parent, UV_OFFLINE=1, UV_PYTHON_DOWNLOADS="never", **more)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=project, stdin=subprocess.DEVNULL,
                                             env={**environment, "PATH": path}, stdout=log, stderr=log,
                                             start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def pid(self):
        return self._process.pid

    @property
    def output(self):
        return self._log.read_text()

    def ends(self):
        code = self._process.wait(60)
        assert code == 0, self.output
        return self.output

    def starts(self):
        """[(pid, value)] of the bots until now."""
        return [(int(pid), value) for pid, value in re.findall(r"^pid (\d+) has (.*)$", self.output, re.MULTILINE)]

    def has_connected(self):
        """Whether the process has an established TCP connection (proc_pid_net(5): 01 is TCP_ESTABLISHED)."""
        # A descriptor was closed meanwhile; or the process is the launcher still, which hides itself.
        with contextlib.suppress(FileNotFoundError, PermissionError):
            descriptors = Path(f"/proc/{self.pid}/fd")
            sockets = {os.readlink(each) for each in descriptors.iterdir()}
            connections = Path(f"/proc/{self.pid}/net/tcp").read_text().splitlines()[1:]
            return any(fields[3] == "01" and f"socket:[{fields[9]}]" in sockets for fields in map(str.split, connections))

    def waits_for_start(self, number):
        wait_for(lambda: len(self.starts()) >= number, timeout=60, what=f"start {number}")
        return self.starts()[number - 1]


def test_every_command_is_of_a_recipe_that_is_tested_here():
    tested = ["uv run", "python -m", "pytest", "VS Code", "Hot reload"]
    assert len(re.findall(r"^```$", PAGE, re.MULTILINE)) == 2 * sum(len(commands(heading)) for heading in tested) + 1


def with_uv(project):
    (project / "pyproject.toml").write_text('[project]\nname = "my-bot"\nversion = "1"\nrequires-python = ">=3.9"\n')
    (project / "bot.py").write_text(SAYS_ITS_VALUE)
    return project


def test_uv_in_front_has_not_the_values(project):
    (command,) = commands("uv run")
    (with_uv(project) / "bot.py").write_text(SAYS_ITS_VALUE + "print(open(f'/proc/{os.getppid()}/environ').read())\n")
    with Running(command, project) as running:
        output = running.ends()
        ((pid, value),) = running.starts()
    assert value == "first" and pid != running.pid
    assert "UV_OFFLINE=1" in output and "KEY=first" not in output


def test_uv_behind_the_launcher_works_and_its_env_file_changes_no_injected_value(project):
    (with_uv(project) / "other.env").write_text("KEY=other\n")
    for command, more in (("uv run bot.py", {}), ("uv run --env-file other.env bot.py", {}),
                          ("uv run bot.py", {"UV_ENV_FILE": "other.env"})):
        with Running(f"secret-injector --env-file .env -- {command}", project, **more) as running:
            running.ends()
            ((pid, value),) = running.starts()
        assert value == "first" and pid != running.pid


def test_a_module_has_the_values(project):
    (command,) = commands("python -m")
    (project / "my_bot").mkdir()
    (project / "my_bot" / "__main__.py").write_text(SAYS_ITS_VALUE)
    with Running(command, project) as running:
        running.ends()
        assert running.starts() == [(running.pid, "first")]


def test_pytest_has_the_values(project):
    (command,) = commands("pytest")
    (project / "test.env").write_text("KEY=of-the-tests\n")
    (project / "test_bot.py").write_text("import os\n\ndef test_it():\n    assert os.environ['KEY'] == 'of-the-tests'\n")
    with Running(command, project) as running:
        assert "1 passed" in running.ends()


class Debugger:
    """As much of the Debug Adapter Protocol as it takes to attach (microsoft.github.io/debug-adapter-protocol)."""

    def __init__(self, connect):
        address = (connect["host"], connect["port"])
        self._stream = socket.create_connection(address, timeout=60).makefile("rwb")
        self._sequence = 0

    def sends(self, command, **arguments):
        self._sequence += 1
        request = {"seq": self._sequence, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        self._stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._stream.flush()

    def receives(self, name):
        """The next event or response of that name."""
        while True:
            length = int(self._stream.readline().split(b":")[1])
            self._stream.readline()
            message = json.loads(self._stream.read(length))
            if message.get("event", message.get("command")) == name:
                assert message.get("success", True), message
                return message


def test_vs_code_attaches_to_a_bot_with_the_values(project):
    (command,) = commands("VS Code")
    (configuration,) = json.loads(re.search(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1])["configurations"]
    assert f"{configuration['connect']['host']}:{configuration['connect']['port']}" in command
    port = programs.free_port()
    configuration["connect"]["port"] = port
    (project / "bot.py").write_text(SAYS_ITS_VALUE)
    with Running(command.replace(PORT, str(port)), project) as running:
        # The port of debugpy's adapter answers before the adapter can attach. It can when the bot has connected to it.
        wait_for(running.has_connected, timeout=60, what="debugpy")
        debugger = Debugger(configuration["connect"])
        debugger.sends("initialize", adapterID="debugpy")
        debugger.receives("initialize")
        assert running.starts() == []  # it waits
        debugger.sends("attach", **configuration)
        debugger.receives("initialized")
        debugger.sends("configurationDone")
        debugger.receives("attach")
        running.ends()
        assert running.starts() == [(running.pid, "first")]


def test_with_the_watcher_in_front_a_reload_has_new_values(project):
    command, _ = commands("Hot reload")
    (project / "bot.py").write_text(WAITS)
    with Running(command, project) as running:
        assert running.waits_for_start(1)[1] == "first"

        def changes_again_until_it_is_seen():
            # The watcher sees only what changes after its first look at the directory.
            (project / ".env").write_text("KEY=second\n")
            return running.starts()[-1][1] == "second"

        wait_for(changes_again_until_it_is_seen, timeout=60, interval=2, what="a start with the new value")


def test_with_the_watcher_behind_the_launcher_a_reload_has_the_old_values(project):
    _, command = commands("Hot reload")
    (project / "app.py").write_text(APP)
    with Running(f"{command} --port {programs.free_port()}", project) as running:
        assert running.waits_for_start(1)[1] == "first"
        wait_for(lambda: "startup complete" in running.output, timeout=60, what="the server")
        (project / ".env").write_text("KEY=second\n")

        def changes_again_until_it_is_seen():
            # uvicorn sees only what changes after its first look at the file.
            with open(project / "app.py", "a") as app:
                app.write("# changed\n")
            return len(running.starts()) >= 2

        wait_for(changes_again_until_it_is_seen, timeout=60, interval=2, what="a reload")
        assert running.starts()[1][1] == "first"


@pytest.mark.parametrize("arguments, value", [("", "first"), ("override=True", "other")])
def test_load_dotenv_beats_the_set_only_with_override(project, arguments, value):
    (project / "values").write_text("KEY=first\n")
    (project / ".env").write_text("KEY=other\n")
    (project / "bot.py").write_text(f"from dotenv import load_dotenv\nload_dotenv({arguments})\n{SAYS_ITS_VALUE}")
    with Running("secret-injector --env-file values -- python3 bot.py", project) as running:
        running.ends()
        assert running.starts()[0][1] == value
