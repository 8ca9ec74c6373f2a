"""Each folder of examples/ has a short README whose commands of ours exist. What they do, other tests show."""

import re
import subprocess

import pytest
from support import programs

FOLDERS = sorted(path for path in (programs.ROOT / "examples").iterdir() if path.is_dir())

# How many words of a command line are its name.
PROGRAMS = {"secret-control-plane": (programs.control_plane_program, 2), "secret-injector": (programs.injector_program, 1)}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_readme_is_short_and_says_what_to_change(folder):
    text = (folder / "README.md").read_text()
    assert 10 <= len(text.splitlines()) <= 25
    assert re.search(r"^    \S", text, re.MULTILINE), "no command"
    assert "Change: " in text or "Provide " in text


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_commands_of_ours_exist_and_take_the_options(folder):
    text = (folder / "README.md").read_text()
    for program, words, options in re.findall(r"(secret-control-plane|secret-injector)((?: [a-z][a-z-]+)+)([^\n`)]*)", text):
        path, count = PROGRAMS[program]
        name = words.split()[:count]
        helped = subprocess.run([path(), *name, "--help"], capture_output=True, text=True, timeout=30)
        assert helped.returncode == 0, helped.stderr
        for option in re.findall(r"--[a-z-]+", options):
            assert option in helped.stdout, f"{program} {name}: {option}"
