"""A developer who is logged in with the official CLI runs an agent with the team's values."""

import subprocess

from support import programs
from support.official_cli import ENTER


def test_the_login_of_the_cli_is_enough(cli, control_plane, rest, tmp_path):
    """`auth use-pat` writes the file that the injector reads."""
    rest.put_secrets("voice", GREETING="hello")
    control_plane.wait_ready("voice")
    assert rest.deploy("bot", secretSet="voice").status == 200
    del cli.environment["PIPECAT_TOKEN"], cli.environment["PIPECAT_ORG"]
    with cli.on_a_terminal("auth", "use-pat") as terminal:
        terminal.answers("Personal Access Token", rest.token + ENTER)
        terminal.ends()
    finished = subprocess.run(
        [programs.injector_program(), "--agent", "bot", "--", "/usr/bin/printenv", "GREETING"],
        env=cli.environment | {"PIPECAT_API_HOST": control_plane.url}, cwd=tmp_path, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=60)
    assert (finished.returncode, finished.stdout) == (0, "hello\n"), finished.stderr
