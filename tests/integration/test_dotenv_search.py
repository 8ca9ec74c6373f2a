"""The `.env` that a start warns of, and that `check` names, is the one that load_dotenv() of the real python-dotenv finds."""

import json
import os
import shlex
import subprocess

import pytest

from support import official_cli, programs

PYTHON = official_cli.NEWEST.program.with_name("python")
SHOW = "from dotenv import find_dotenv\nprint(find_dotenv())\n"
OVERRIDE = "import os\nfrom dotenv import load_dotenv\nload_dotenv(override=True)\nprint(os.environ['TOKEN'])\n"

pytestmark = pytest.mark.skipif(not official_cli.installed(), reason="python-dotenv comes with the official CLI; run script/bootstrap")


class Project:
    """project/{.env,src/bot.py,src/pkg,other/.env,…}; commands run in project/src/deep unless told otherwise."""

    def __init__(self, root):
        self.root = root / "project"
        for name in ("src/deep", "src/pkg", "other", "venv/.env"):
            (self.root / name).mkdir(parents=True)
        for name in ("src/bot.py", "src/pkg/__main__.py", "src/pkg/module.py", "other/bot.py", "venv/bot.py"):
            (self.root / name).write_text(SHOW)
        (self.root / "src" / "bot").write_text(f"#!{PYTHON}\n{SHOW}")
        (self.root / "src" / "bot").chmod(0o755)
        (self.root / "link.py").symlink_to(self.root / "other" / "bot.py")
        (self.root / "linked").symlink_to(self.root / "other")
        for name in (".env", "other/.env"):
            (self.root / name).write_text("TOKEN=of-the-file\n")
        self.env_file = root / "values"
        self.env_file.write_text("TOKEN=injected\n")

    def run(self, argv, directory, **environment):
        return subprocess.run([str(word) for word in argv], cwd=self.root / directory, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=30, env=programs.clean_environment(**environment))

    def injected(self, *words, directory="src", **environment):
        argv = [programs.injector_program(), "--env-file", self.env_file, *words]
        return self.run(argv, directory, **environment)

    def found_by_check(self, command, directory, **environment):
        argv = [programs.injector_program(), "check", "--json", "--env-file", self.env_file, "--", *command]
        steps = json.loads(self.run(argv, directory, **environment).stdout)["steps"]
        return next(step["facts"]["file"] for step in steps if step["name"] == "dotenv")


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.mark.parametrize("directory", ["src", "src/deep", "other", "."])
@pytest.mark.parametrize("words", [
    "PYTHON ROOT/src/bot.py", "PYTHON ROOT/other/bot.py", "PYTHON -uB ROOT/src/bot.py", "PYTHON ROOT/venv/bot.py",
    "PYTHON ROOT/src/../other/bot.py", "PYTHON ROOT/link.py", "PYTHON ROOT/linked/bot.py", "PYTHON ROOT/src/pkg",
    "PYTHON -X dev ROOT/src/bot.py", "PYTHON -W ignore -- ROOT/other/bot.py", "ROOT/src/bot",
    "PYTHON -c 'from dotenv import find_dotenv; print(find_dotenv())'", "PYTHON -m pkg", "PYTHON -m pkg.module",
    "env A=1 PYTHON ROOT/other/bot.py",
])
def test_check_names_the_file_that_python_dotenv_finds(project, words, directory):
    command = [word.replace("PYTHON", str(PYTHON)).replace("ROOT", str(project.root)) for word in shlex.split(words)]
    environment = {"PYTHONPATH": project.root / "src"}
    by_python = project.run(command, directory, **environment)
    assert by_python.returncode == 0, by_python.stderr
    assert project.found_by_check(command, directory, **environment) == by_python.stdout.strip()
    assert by_python.stdout.strip().startswith(str(project.root))


def test_a_relative_path_is_found_from_the_working_directory(project):
    for command, directory in ((["bot.py"], "other"), (["deep/../bot.py"], "src"), (["../other/bot.py"], "src")):
        by_python = project.run([PYTHON, *command], directory)
        assert project.found_by_check([PYTHON, *command], directory) == by_python.stdout.strip() != ""


def test_a_start_warns_of_the_value_that_override_would_replace(project):
    (project.root / "src" / "bot.py").write_text(OVERRIDE)
    finished = project.injected("--", PYTHON, "bot.py")
    assert finished.stdout == "of-the-file\n"  # what the warning is about
    assert finished.stderr == (
        "warning secret-injector: a .env has injected keys: load_dotenv(override=True) would use its values"
        f" file={project.root}/.env keys=TOKEN"
        ' hint="call load_dotenv() without override, or take the keys out of that file"\n')


def test_no_warning_where_nothing_is_replaced(project):
    """With -q, with the very file as env file, by another key, where python-dotenv is switched off, without a .env."""
    bot = project.root / "src" / "bot.py"
    bot.write_text("")
    file = project.root / ".env"
    assert project.injected("-q", "--", PYTHON, bot).stderr == ""
    assert project.run([programs.injector_program(), "--env-file", "../.env", "--", PYTHON, bot], "src").stderr == ""
    assert project.injected("--", PYTHON, bot, PYTHON_DOTENV_DISABLED="1").stderr == ""
    file.write_text("OTHER=1\n")
    assert project.injected("--", PYTHON, bot).stderr == ""
    file.unlink()
    assert project.injected("--", PYTHON, bot).stderr == ""


def test_a_fifo_is_not_opened(project):
    """A password manager's FIFO gives its content to one reader: that is the bot."""
    file = project.root / ".env"
    file.unlink()
    os.mkfifo(file)
    started = project.injected("--", "/bin/echo", "started")
    assert (started.stdout, started.stderr) == ("started\n", "")
    assert project.found_by_check([PYTHON, "bot.py"], "src") == str(file)
