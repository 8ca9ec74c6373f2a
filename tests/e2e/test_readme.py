"""The commands of docs/first-minutes.md, in order, as a user who is not root types them on a machine that knows
nothing of us. Only the official CLI is linked, not installed: a test of its own installs it. The first minutes of
README.md begin with an installed package: tests/packages has their test."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

from support import official_cli, programs

USER = 10001
README = (programs.ROOT / "README.md").read_text()
SECTION = (programs.ROOT / "docs" / "first-minutes.md").read_text()
INSTALL, DOTENV, SERVE, CLI, CLOUD, NEW_VALUE, LATEST = re.findall(r"^```\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
CHECK = re.search(r"`(secret-injector check .*?)`", SECTION)[1] + "\n"

# What `secretVersion: latest` promises: another value, and no deploy.
WITHOUT_A_DEPLOY = """
pipecat cloud secrets set bot-secrets OPENAI_API_KEY=sk-third --skip
secret-control-plane set wait bot-secrets
secret-injector --credential-file bot.credential -- python3 bot.py
"""

# The two terminals. The second one's last command goes on for ever.
TERMINALS = """
bash -e second > serve.log 2>&1 &
until grep -q listening serve.log; do
  kill -0 $! || { cat serve.log; exit 1; }
  sleep 0.1
done
bash -e first
"""


@pytest.fixture
def home():
    """A home directory that the user can reach: pytest's own are closed to others."""
    made = pathlib.Path(tempfile.mkdtemp(prefix="readme-"))
    yield made
    shutil.rmtree(made)


def environment_of(home, **extra):
    return programs.clean_environment(HOME=home, XDG_RUNTIME_DIR=home / "runtime", NO_COLOR=1,
                                      PATH="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", **extra)


def run(block, home, where, **extra):
    """As the caller, to the end."""
    finished = subprocess.run(["bash", "-e", "-c", block], cwd=where, env=environment_of(home, **extra), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    assert finished.returncode == 0, finished.stdout


def settled(block):
    """The lines of a block that a terminal remembers."""
    return "".join(line + "\n" for line in block.splitlines() if line.startswith("export "))


def furnish(home):
    """Installs the programs, links the CLI, writes what is typed, and makes a login's runtime directory."""
    run(INSTALL, home, programs.ROOT, AGENT_SECRETS_PRESET=programs.build_directory().name)
    (home / ".local" / "bin" / "pipecat").symlink_to(official_cli.NEWEST.program)
    (home / "runtime").mkdir(mode=0o700)
    (home / "first").write_text(settled(INSTALL) + DOTENV + CHECK + CLOUD + NEW_VALUE + LATEST + WITHOUT_A_DEPLOY)
    (home / "second").write_text(SERVE)
    (home / "terminals").write_text(TERMINALS)
    for path in (home, *home.rglob("*")):
        if os.geteuid() == 0:
            os.chown(path, USER, USER, follow_symlinks=False)


def command():
    """The two terminals as another user, in a network of its own, whose port 7710 is free."""
    if os.geteuid() != 0:
        return ["bash", "terminals"]
    user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    return ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *user, "bash", "terminals"]


def test_an_ordinary_user_gets_a_bot_with_its_secrets_from_a_clone(home):
    if not official_cli.installed():
        pytest.skip("the official CLI is not installed; run script/bootstrap")
    if os.geteuid() == 0 and not all(map(shutil.which, ("ip", "setpriv", "unshare"))):
        pytest.skip("as root this needs ip, setpriv and unshare")
    furnish(home)
    with subprocess.Popen(command(), cwd=home, env=environment_of(home), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=120)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, output
    assert re.findall("^the bot has (.*)", output, re.MULTILINE) == ["sk-first", "sk-first", "sk-second", "sk-third"]
    assert "error: " not in output and "warning" not in output, output
    assert (home / ".config" / "agent-secrets").stat().st_mode & 0o777 == 0o700


def test_the_official_cli_is_installed_as_the_page_says(home):
    """With its entry point, and without the 30 packages that it needs: the versions exist, and pipecat is linked."""
    found = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", home / "wheels",
                            "pipecatcloud==1.4.0"], capture_output=True, timeout=120)
    if found.returncode != 0:
        pytest.skip("the package index of Python cannot be reached")
    (home / ".local" / "bin").mkdir(parents=True)
    index = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_CERT_"))}
    run(CLI, home, home, **{**index, "PIP_NO_DEPS": 1})
    assert os.access(home / ".local" / "bin" / "pipecat", os.X_OK)


def test_the_page_names_the_versions_that_the_tests_use():
    wanted = (programs.ROOT / "tests" / "requirements.txt").read_text()
    for version in re.findall(r"pipecat[a-z-]*==[\d.]+", CLI):
        assert version in wanted.splitlines()
    assert f"`pipecatcloud` {official_cli.NEWEST} and {official_cli.OLDER} " in SECTION.replace("\n", " ")


def test_every_command_of_the_readme_is_run_by_a_test():
    """script/demo by test_demo.py; script/test runs this; the first minutes by tests/packages/test_first_minutes.py."""
    others = README.replace(README.split("## First minutes")[1].split("\n## ")[0], "")
    assert [block.strip() for block in re.findall(r"^```\n(.*?)^```$", others, re.MULTILINE | re.DOTALL)
            if "──▶" not in block] == ["script/demo", "script/test"]
