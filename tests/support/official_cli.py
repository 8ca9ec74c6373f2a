"""Runs the unmodified official CLI as an operator does, in a separate home directory."""

import concurrent.futures
import dataclasses
import functools
import os
import pathlib
import re
import subprocess

import pexpect

from support import programs
from support.fork_server import ForkServer

ENTER = "\r"
# Variables of every run. Libraries of the CLI may read them when they are imported.
SETTINGS = {"NO_COLOR": "1", "COLUMNS": "500"}
# What the CLI and its libraries read at each run. A run that changes another variable is a start of its own.
READ_AT_EACH_RUN = re.compile("HOME|PIPECAT_.*")
# Two thirds of the time of a start are imports of these libraries. None of them is the CLI's own.
LIBRARIES = ("aiohttp", "loguru", "pydantic", "questionary", "rich.live", "rich.panel", "rich.table", "synchronicity",
             "typer.rich_utils")
CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclasses.dataclass(frozen=True)
class Release:
    """A published version, in its virtual environment. `script/bootstrap` installs both versions."""

    version: str
    program: pathlib.Path
    arguments: tuple = ()  # arguments before every command
    libraries: tuple = ()  # libraries that only this version has

    def __str__(self):
        return self.version

    def installed(self):
        return self.program.exists()


NEWEST = Release("1.4.0", programs.ROOT / ".venv" / "bin" / "pipecat", ("cloud",), ("jinja2", "typer._adapters"))
OLDER = Release("0.6.0", programs.ROOT / ".venv-0.6" / "bin" / "pcc", (), ("fastapi",))


@functools.cache
def fork_server(release):
    return ForkServer(release.program.with_name("python3"), LIBRARIES + release.libraries,
                      programs.clean_environment(**SETTINGS))


def installed():
    return NEWEST.installed()


class OfficialCli:
    """With `imported`, a run does not import the libraries of the CLI again (fork_server.py)."""

    def __init__(self, url, token, organization, home, release=NEWEST, imported=True):
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.release = release
        self.imported = imported
        self.environment = programs.clean_environment(
            HOME=home, PIPECAT_CONFIG_PATH=home / "pipecatcloud.toml", PIPECAT_API_HOST=url, **SETTINGS,
        )
        if token is not None:
            self.environment["PIPECAT_TOKEN"] = token
        if organization is not None:
            self.environment["PIPECAT_ORG"] = organization

    def command(self, *arguments):
        return [str(part) for part in (self.release.program, *self.release.arguments, *arguments)]

    def start(self, *arguments, stderr=subprocess.STDOUT):
        """A Popen, or what tests use of it, with both outputs in one pipe (unless changed by arguments) and an empty
        stdin."""
        command = self.command(*arguments)
        if self.imported and self._differs_only_in_what_each_run_reads():
            return fork_server(self.release).start(command, self.environment, self.home, stderr)
        return subprocess.Popen(
            command, env=self.environment, cwd=self.home,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True,
        )

    def _differs_only_in_what_each_run_reads(self):
        changed = self.environment.items() ^ programs.clean_environment(**SETTINGS).items()
        return all(READ_AT_EACH_RUN.fullmatch(name) for name, _ in changed)

    def run(self, *arguments, timeout=60, stderr=subprocess.STDOUT):
        """Runs to the end; `.stdout` has the whole output, `.returncode` the exit code."""
        with self.start(*arguments, stderr=stderr) as process:
            output, errors = process.communicate(timeout=timeout)
            return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def run_all(self, commands, **options):
        """Runs several independent commands in parallel, one for each core."""
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(lambda command: self.run(*command, **options), commands))

    def succeeds(self, *arguments):
        """Runs, asserts exit 0, and returns the output."""
        finished = self.run(*arguments)
        self.check_exit(finished.returncode, 0, finished.stdout)
        return finished.stdout

    def fails(self, *arguments, code=1):
        """Runs, asserts the exit code, and returns the output."""
        finished = self.run(*arguments)
        self.check_exit(finished.returncode, code, finished.stdout)
        return finished.stdout

    def fails_all(self, commands):
        """run_all for commands that must fail; returns the outputs."""
        finished = self.run_all(commands)
        for each in finished:
            self.check_exit(each.returncode, 1, each.stdout)
        return [each.stdout for each in finished]

    def check_exit(self, code, expected, output):
        """0.6.0 exits with 0 after every answer, so the exit code of a failure is not checked there."""
        assert "Traceback" not in output, output
        assert code == expected or (self.release == OLDER and expected != 0), f"exit {code}: {output}"

    def on_a_terminal(self, *arguments):
        """The command on a pseudo-terminal, to be used in a `with`."""
        return Terminal(self, arguments)


class Terminal(pexpect.spawn):
    """The CLI's dialogue with a person: its prompts and the typed answers."""

    def __init__(self, cli, arguments):
        self._cli = cli
        # This pseudo-terminal does not answer a request for the cursor position, and prompts would wait for the answer.
        environment = {**cli.environment, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
        program, *rest = cli.command(*arguments)
        super().__init__(program, rest, env=environment, cwd=cli.home, encoding="utf-8",
                         dimensions=(50, 500), timeout=60)

    def answers(self, prompt, keys):
        """Waits for the prompt and types the keys. Some prompts take a single key, others need ENTER after it."""
        self.expect_exact(prompt)
        self.send(keys)

    def ends(self, code=0):
        """Waits for the end, asserts the exit code, and returns what was shown since the last prompt,
        without the escape sequences for cursor and style."""
        self.expect(pexpect.EOF)
        shown = CONTROL_SEQUENCE.sub("", self.before)
        self.close()
        self._cli.check_exit(self.exitstatus, code, shown)
        return shown
