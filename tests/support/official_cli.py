"""The unmodified official CLI, started as an operator would, in a home directory of its own."""

import subprocess

from support import programs

PROGRAM = programs.ROOT / ".venv" / "bin" / "pipecat"


def installed():
    return PROGRAM.exists()


class OfficialCli:
    def __init__(self, url, token, organization, home):
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.environment = programs.clean_environment(
            HOME=home, NO_COLOR=1, COLUMNS=500, PIPECAT_OUTPUT="plain",
            PIPECAT_CONFIG_PATH=home / "pipecatcloud.toml",
            PIPECAT_API_HOST=url, PIPECAT_TOKEN=token,
        )
        if organization is not None:
            self.environment["PIPECAT_ORG"] = organization

    def start(self, *arguments):
        """`pipecat cloud ARGUMENTS` as a Popen, both outputs in one pipe, nothing on stdin."""
        return subprocess.Popen(
            [PROGRAM, "cloud", *map(str, arguments)], env=self.environment, cwd=self.home,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )

    def run(self, *arguments, timeout=60):
        """Runs to the end; `.stdout` holds all that it printed, `.returncode` how it ended."""
        with self.start(*arguments) as process:
            output, _ = process.communicate(timeout=timeout)
            return subprocess.CompletedProcess(process.args, process.returncode, output)

    def succeeds(self, *arguments):
        """Runs, asserts exit 0, and returns the output."""
        finished = self.run(*arguments)
        assert finished.returncode == 0, finished.stdout
        return finished.stdout

    def fails(self, *arguments, code=1):
        """Runs, asserts the exit code, and returns the output."""
        finished = self.run(*arguments)
        assert finished.returncode == code, f"exit {finished.returncode}: {finished.stdout}"
        assert "Traceback" not in finished.stdout
        return finished.stdout
