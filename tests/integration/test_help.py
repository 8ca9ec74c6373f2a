"""The help of the three programs, as a person meets it: --help, `help`, wrong words, man pages."""

import functools
import re
import subprocess

import pexpect
import pytest

from support import programs

PROGRAMS = {
    "secret-injector": (programs.injector_program, "1", 125),
    "secret-sidecar": (programs.sidecar_program, "1", 125),
    "secret-control-plane": (programs.control_plane_program, "8", 2),
}
SECRET = "a-value-nobody-may-see"


def run(program, *words, **environment):
    return subprocess.run([PROGRAMS[program][0](), *words], capture_output=True, text=True, timeout=20,
                          env=programs.clean_environment(**environment), stdin=subprocess.DEVNULL)


@functools.cache
def shown(program, *words):
    """The output; every test reads the outputs of one start."""
    finished = run(program, *words)
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout


def commands_of(text):
    """The names below "Commands"."""
    section = re.search(r"^Commands\n((?:  .*\n)+)", text, re.MULTILINE)
    return re.findall(r"^  (\S+)", section[1], re.MULTILINE) if section else []


def every_help(program, *command):
    text = shown(program, "help", *command)
    yield command, text
    for name in commands_of(text):
        yield from every_help(program, *command, name)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_command_has_a_help_that_fits_a_terminal(program):
    for command, text in every_help(program):
        assert text.startswith(" ".join((program, *command)) + ": ")
        assert "\x1b" not in text
        assert max(map(len, text.splitlines())) <= 100, command
        if command[:1] not in (("help",), ("completion",)):
            assert text == shown(program, *command, "--help")


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_pages_that_the_help_names_exist(program):
    for command, text in every_help(program):
        for page in re.findall(r"docs/[\w/-]+\.md", text):
            assert (programs.ROOT / page).is_file(), (command, page)


@pytest.mark.parametrize("program", PROGRAMS)
def test_titles_are_bold_on_a_terminal_that_has_not_declined_it(program):
    def on_a_terminal(**environment):
        words = programs.clean_environment(TERM="xterm", **environment)
        return pexpect.run(str(PROGRAMS[program][0]()) + " --help", env=words).decode()

    assert "\x1b[1mUsage\x1b[0m" in on_a_terminal()
    assert "\x1b" not in on_a_terminal(NO_COLOR="1")


@pytest.mark.parametrize("program, words, says", [
    ("secret-injector", ["--chek"], "unknown option --chek; did you mean 'check'?"),
    ("secret-injector", [f"--cache-dirr={SECRET}", "--", "true"], "unknown option --cache-dirr; did you mean '--cache-dir'?"),
    ("secret-injector", ["help", "chek"], "unknown command 'chek'; did you mean 'check'?"),
    ("secret-injector", ["completion", "bsh"], "did you mean 'bash'?"),
    ("secret-sidecar", ["staus"], "unknown command 'staus'; did you mean 'status'?"),
    ("secret-sidecar", ["run", "--poll-wiat", SECRET], "unknown option --poll-wiat; did you mean '--poll-wait'?"),
    ("secret-sidecar", ["status", "--json", SECRET], "an argument too many follows an option"),
    ("secret-sidecar", [], "a command is missing: run, status, wait-change"),
    ("secret-control-plane", ["credental"], "unknown command 'credental'; did you mean 'credential'?"),
    ("secret-control-plane", ["credential", "isue", "bot"], "unknown command 'isue'; did you mean 'issue'?"),
    ("secret-control-plane", ["serve", f"--tls-kye={SECRET}"], "unknown option --tls-kye; did you mean '--tls-key'?"),
    ("secret-control-plane", ["set", "wait", "--timout", SECRET], "unknown option --timout; did you mean '--timeout'?"),
])
def test_a_wrong_word_is_named_with_the_nearest_one(program, words, says):
    finished = run(program, *words)
    assert (finished.returncode, finished.stdout) == (PROGRAMS[program][2], "")
    assert says in finished.stderr and "\nhint: " in finished.stderr
    assert SECRET not in finished.stderr


@pytest.mark.parametrize("credential", [{}, {"file": True}])
def test_a_run_that_is_not_there_is_explained(tmp_path, credential):
    """Before the credential is looked for in vain, and where the values are there and the command is not."""
    options = []
    if credential:
        (tmp_path / ".env").write_text("A=1\n")
        options = ["--env-file", str(tmp_path / ".env")]
    finished = run("secret-injector", *options, "run", "--", "python", "bot.py")
    assert finished.returncode == (127 if credential else 125)
    assert "hint: 'run' is not a command of secret-injector: write your program behind --" in finished.stderr


def test_a_program_that_is_called_run_or_help_is_started(tmp_path):
    for name in ("run", "help"):
        program = tmp_path / name
        program.write_text('#!/bin/sh\necho "started with $*"\n')
        program.chmod(0o755)
    (tmp_path / ".env").write_text("A=1\n")
    path = f"{tmp_path}:/usr/bin:/bin"
    for words, says in ((["run", "--", "x"], "-- x"), (["--", "help", "x"], "x")):
        finished = run("secret-injector", "--env-file", str(tmp_path / ".env"), *words, PATH=path)
        assert (finished.returncode, finished.stdout) == (0, f"started with {says}\n")


def test_alone_on_a_terminal_the_ways_to_begin_are_explained():
    injector = str(programs.injector_program())
    said, code = pexpect.run(injector, env=programs.clean_environment(), withexitstatus=True)
    assert code == 125
    for way in (b"--env-file .env -- python bot.py", b"--credential-file my-bot.credential", b"AGENT_SECRETS_CREDENTIAL"):
        assert way in said
    assert b"error" not in said


def test_in_a_pipe_or_with_a_credential_the_error_is_short():
    finished = run("secret-injector")
    assert finished.returncode == 125 and finished.stderr.startswith("secret-injector: error: options: no command is given\n")
    injector = str(programs.injector_program())
    said = pexpect.run(injector, env=programs.clean_environment(AGENT_SECRETS_CREDENTIAL="x"))
    assert b"no command is given" in said


def test_without_a_credential_the_hint_names_the_ways():
    finished = run("secret-injector", "--", "true")
    assert finished.returncode == 125
    for way in ("--env-file", "--credential-file", "AGENT_SECRETS_CREDENTIAL"):
        assert way in finished.stderr


def test_mandoc_has_nothing_to_say_against_the_man_pages(tmp_path):
    pages = [f"{program}.{section}" for program, (_, section, _code) in PROGRAMS.items()]
    for program, page in zip(PROGRAMS, pages):
        (tmp_path / page).write_text(shown(program, "help", "--man"))
    # It looks for the pages that a page names in the system's directory and in this one.
    lint = subprocess.run(["mandoc", "-T", "lint", *pages], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, "", "")


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_man_page_has_every_option_of_the_help(program):
    page = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=200"], input=shown(program, "help", "--man"),
                          capture_output=True, text=True, check=True, timeout=60).stdout
    page = re.sub(".\b", "", page)  # bold and underlined
    for command, text in every_help(program):
        for option in re.findall(r"^  (?:-\w, )?(--[\w-]+)", text, re.MULTILINE):
            assert option in page, (command, option)


def test_the_date_of_a_man_page_can_be_fixed():
    page = run("secret-injector", "help", "--man", SOURCE_DATE_EPOCH="0").stdout
    assert page.startswith(".Dd January 1, 1970\n")


@pytest.mark.parametrize("program, page", [("secret-injector", "injector.md"), ("secret-sidecar", "sidecar.md")])
def test_the_page_of_the_program_names_every_option(program, page):
    text = (programs.ROOT / "docs" / page).read_text()
    for command, shown_text in every_help(program):
        for option in re.findall(r"^  (?:-\w, )?(--[\w-]+)", shown_text, re.MULTILINE):
            assert option in text or option in ("--help", "--version", "--quiet", "--verbose"), (command, option)
