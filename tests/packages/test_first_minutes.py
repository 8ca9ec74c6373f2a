"""README.md's first minutes, as they are written: from an installed package to a bot with its first secret. Prints the
commands and the seconds that they take."""

import re
import shutil
import time

import pytest
from support import official_cli, programs

SECTION = (programs.ROOT / "README.md").read_text().split("## First minutes")[1].split("\n## ")[0]
PACKAGE, SECRET, BOT, NEW_VALUE = re.findall(r"^```\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)

# The person's own machine and the server are one here, but for the file system: `sudo` goes to the server.
PRELUDE = """
set -e
sudo() { nsenter --target="$MACHINE" --all --wdns=/root -- env HOME=/root PATH=/usr/sbin:/usr/bin "$@"; }
"""


def commands_of(*blocks):
    return [line for block in blocks for line in block.splitlines()]


def test_the_first_secret_arrives(machine, suite, tmp_path, capsys):
    if not official_cli.installed():
        pytest.skip("the official CLI is not installed; run script/bootstrap")
    (name,) = re.findall(r"agent-secrets-control-plane_\S+\.deb", PACKAGE)
    shutil.copy(suite.package, machine.path("/root") / suite.package.name)
    package = PACKAGE.replace(name, suite.package.name).replace("apt-get install", "apt-get install --yes --quiet")
    (tmp_path / "bot.py").write_text("import os; print('the bot has', os.environ['OPENAI_API_KEY'])\n")
    programs_here = tmp_path / "bin"
    programs_here.mkdir()
    for program in (programs.injector_program(), programs.sidecar_program(), official_cli.NEWEST.program):
        (programs_here / program.name).symlink_to(program)
    environment = programs.clean_environment(HOME=tmp_path, MACHINE=machine.pid, NO_COLOR=1)
    environment["PATH"] = f"{programs_here}:{environment['PATH']}:/usr/sbin:/sbin"

    def typed(*blocks):
        script = PRELUDE + f"cd {tmp_path}\n" + "".join(blocks)
        return machine.from_outside("bash", "-c", script, env=environment)

    started = time.monotonic()
    typed(package)
    installed = time.monotonic()
    output = typed(SECRET, BOT)
    done = time.monotonic()
    assert output.splitlines()[-1] == "the bot has sk-first"
    with capsys.disabled():
        print(f"\n{suite.name}: {len(commands_of(PACKAGE))} commands until the server runs, {installed - started:.1f} s; "
              f"{len(commands_of(SECRET, BOT))} more until the bot has its first secret, {done - installed:.1f} s")
    settings = SECRET.splitlines()[0] + "\n"
    assert typed(settings, NEW_VALUE).splitlines()[-1] == "the bot has sk-second"
