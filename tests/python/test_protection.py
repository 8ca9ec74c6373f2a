"""protect(): really, on another process of the same, unprivileged user."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest
from support.programs import ROOT

NOBODY = 65534
PYTHON = "/usr/bin/python3"  # which that user can run, wherever the tests' own lies
READ = "import sys; print(len(open(sys.argv[1], 'rb').read()))"


@pytest.fixture
def package():
    """A copy of the package that any user can import."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        shutil.copytree(ROOT / "base-image" / "agent_secrets", pathlib.Path(directory) / "agent_secrets")
        for path in pathlib.Path(directory).rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield directory


def unprivileged():
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


@contextlib.contextmanager
def python(package, code, **environment):
    """A Python of that user that has run the code and waits for the end of its input."""
    process = subprocess.Popen(
        [PYTHON, "-B", "-c", f"{code}\nprint(flush=True)\nimport sys; sys.stdin.read()"],
        env={"PYTHONPATH": package, "API_KEY": "sk-secret", **environment}, cwd="/",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, **unprivileged(),
    )
    with process:
        assert process.stdout.readline() == b"\n"
        yield process
        process.stdin.close()
        assert process.wait(10) == 0


def another_process_reads(path):
    """Whether a process of the same user can."""
    finished = subprocess.run([PYTHON, "-c", READ, path], cwd="/", capture_output=True, text=True, **unprivileged())
    assert finished.returncode == 0 or "PermissionError" in finished.stderr, finished.stderr
    return finished.returncode == 0


def test_without_it_the_same_user_reads_the_environment(package):
    with python(package, "import agent_secrets") as bot:
        assert another_process_reads(f"/proc/{bot.pid}/environ")


@pytest.mark.parametrize("code", ["import agent_secrets; assert agent_secrets.protect()", "import agent_secrets.startup"])
def test_with_it_the_same_user_reads_neither_environment_nor_memory(package, code):
    with python(package, code) as bot:
        for name in ("environ", "mem", "maps", "auxv"):
            assert not another_process_reads(f"/proc/{bot.pid}/{name}"), name
        assert another_process_reads(f"/proc/{bot.pid}/status")  # what monitoring needs


def test_the_bot_itself_still_has_its_environment(package):
    code = "import agent_secrets, os; agent_secrets.protect(); assert os.environ['API_KEY'] == 'sk-secret'"
    with python(package, code):
        pass


def test_a_fork_is_protected_as_well(package):
    code = """
import agent_secrets, os
agent_secrets.protect()
read, write = os.pipe()
if os.fork() == 0:
    os.close(write)
    os.read(read, 1)
    os._exit(0)
"""
    with python(package, code) as bot:
        [child] = pathlib.Path(f"/proc/{bot.pid}/task/{bot.pid}/children").read_text().split()
        assert not another_process_reads(f"/proc/{child}/environ")


def test_the_start_up_hook_can_be_turned_off(package):
    with python(package, "import agent_secrets.startup", AGENT_SECRETS_PROTECT="0") as bot:
        assert another_process_reads(f"/proc/{bot.pid}/environ")


def test_a_system_without_it_is_said_and_does_not_raise(monkeypatch, warnings):
    from agent_secrets import protect

    monkeypatch.setattr(sys, "platform", "darwin")
    assert protect() is False
    assert len(warnings()) == 1
