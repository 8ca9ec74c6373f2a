"""The commands of README.md's "Use it", as a user who is not root types them on a machine that knows nothing of us."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from support import official_cli, programs

USER = 10001
SECTION = (programs.ROOT / "README.md").read_text().split("## Use it")[1].split("\n## ")[0]
BLOCKS = re.findall(r"^```\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)

# What the README leaves to its reader: a bot. It waits for the sidecar that --sidecar promises.
BOT = """
import fcntl, json, os, time
state = os.environ["XDG_RUNTIME_DIR"] + "/agent-secrets"
assert json.load(open(state + "/running.json"))["agent"] == "bot"
for _ in range(200):
    try:
        with open(state + "/sidecar.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        break
    except FileNotFoundError:
        pass
    time.sleep(0.05)
else:
    raise SystemExit("there is no sidecar")
print("the bot has", os.environ["OPENAI_API_KEY"])
"""

# The two terminals. The first one's last command goes on for ever.
TERMINALS = """
bash -e first > serve.log 2>&1 &
until grep -q listening serve.log; do
  kill -0 $! || { cat serve.log; exit 1; }
  sleep 0.1
done
bash -e second
"""


@pytest.fixture
def home():
    """A home directory that the user can reach: pytest's own are closed to others."""
    made = pathlib.Path(tempfile.mkdtemp(prefix="readme-"))
    yield made
    shutil.rmtree(made)


def furnish(home):
    """Writes what the reader brings: .env, bot.py, the installed programs, a login's runtime directory."""
    (home / "bin").mkdir()
    for program in (programs.control_plane_program(), programs.injector_program(), programs.sidecar_program()):
        shutil.copy(program, home / "bin")
    release = official_cli.NEWEST
    (home / "bin" / "pipecat").symlink_to(release.program)
    (home / ".env").write_text("OPENAI_API_KEY=sk-of-the-readme\n")
    (home / "bot.py").write_text(BOT)
    (home / "runtime").mkdir(mode=0o700)
    for name, text in zip(("first", "second", "terminals"), (*BLOCKS, TERMINALS), strict=True):
        (home / name).write_text(text)
    for path in (home, *home.rglob("*")):
        if os.geteuid() == 0:
            os.chown(path, USER, USER, follow_symlinks=False)


def command():
    """The two terminals as another user, in a network of its own, whose port 7710 is free."""
    if os.geteuid() != 0:
        return ["bash", "terminals"]
    user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    return ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *user, "bash", "terminals"]


def test_the_readme_has_two_terminals():
    assert len(BLOCKS) == 2
    assert BLOCKS[0].rstrip().endswith("serve")


def test_an_ordinary_user_gets_a_bot_with_its_secrets_from_the_readme(home):
    if not official_cli.installed():
        pytest.skip("the official CLI is not installed; run script/bootstrap")
    if os.geteuid() == 0 and not all(map(shutil.which, ("ip", "setpriv", "unshare"))):
        pytest.skip("as root this needs ip, setpriv and unshare")
    furnish(home)
    environment = programs.clean_environment(
        HOME=home, XDG_RUNTIME_DIR=home / "runtime", PATH=f"{home / 'bin'}:/usr/bin:/bin:/usr/sbin:/sbin", NO_COLOR=1)
    with subprocess.Popen(command(), cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=120)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, output
    assert "the bot has sk-of-the-readme" in output
    assert "error" not in output and "warning" not in output
    assert (home / ".config" / "agent-secrets").stat().st_mode & 0o777 == 0o700
