"""Runs the unmodified official CLI as an operator does, in a separate home directory."""

import concurrent.futures
import dataclasses
import os
import pathlib
import re
import subprocess

import pexpect

from support import programs

ENTER = "\r"
CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclasses.dataclass(frozen=True)
class Release:
    """A published version, in its virtual environment. `script/bootstrap` installs both versions."""

    version: str
    program: pathlib.Path
    arguments: tuple = ()  # arguments before every command

    def __str__(self):
        return self.version

    def installed(self):
        return self.program.exists()


NEWEST = Release("1.4.0", programs.ROOT / ".venv" / "bin" / "pipecat", ("cloud",))
OLDER = Release("0.6.0", programs.ROOT / ".venv-0.6" / "bin" / "pcc")


def installed():
    return NEWEST.installed()


class OfficialCli:
    def __init__(self, url, token, organization, home, release=NEWEST):
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.release = release
        self.environment = programs.clean_environment(
            HOME=home, NO_COLOR=1, COLUMNS=500, PIPECAT_CONFIG_PATH=home / "pipecatcloud.toml",
            PIPECAT_API_HOST=url,
        )
        if token is not None:
            self.environment["PIPECAT_TOKEN"] = token
        if organization is not None:
            self.environment["PIPECAT_ORG"] = organization

    def command(self, *arguments):
        return [str(part) for part in (self.release.program, *self.release.arguments, *arguments)]

    def start(self, *arguments, stderr=subprocess.STDOUT):
        """A Popen with both outputs in one pipe (unless changed by arguments) and an empty stdin."""
        return subprocess.Popen(
            self.command(*arguments), env=self.environment, cwd=self.home,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True,
        )

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
