"""script/debian-sources: every file that names sources of apt is read, and nothing but Debian's own suite is taken."""

import subprocess

import pytest
from support.programs import ROOT

PROGRAM = ROOT / "script" / "debian-sources"
ARCHIVE = "Types: deb\nUris: http://archive.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"


@pytest.fixture
def etc(tmp_path):
    (tmp_path / "apt" / "sources.list.d").mkdir(parents=True)
    (tmp_path / "os-release").write_text('NAME="Debian"\nVERSION_CODENAME=bookworm\n')
    return tmp_path


def write(etc, name, text):
    (etc / "apt" / name).write_text(text)


def sources(etc, *options):
    """Each stanza as {field: value}."""
    finished = subprocess.run([PROGRAM, "--etc", etc, *options], capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "")
    return [dict(line.split(": ", 1) for line in stanza.splitlines()) for stanza in finished.stdout.split("\n\n")]


@pytest.mark.parametrize("name", ["sources.list", "sources.list.d/0000debian.list"])
def test_the_one_line_format_is_read_from_every_file(etc, name):
    write(etc, name, "# a comment\ndeb [arch=amd64,arm64 signed-by=/key.gpg] http://archive.example/debian bookworm main contrib # here\n"
                     "deb http://archive.example/debian bookworm-updates main\n")
    assert sources(etc) == [
        {"Architectures": "amd64 arm64", "Signed-By": "/key.gpg", "Types": "deb", "Uris": "http://archive.example/debian",
         "Suites": "bookworm", "Components": "main contrib"},
        {"Types": "deb", "Uris": "http://archive.example/debian", "Suites": "bookworm-updates", "Components": "main"},
    ]


@pytest.mark.parametrize("name", ["debian.sources", "0000main.sources"])
def test_the_deb822_format_is_read_from_every_file(etc, name):
    write(etc, f"sources.list.d/{name}", f"# a comment\n{ARCHIVE}\nTypes: deb\nEnabled: no\nUris: http://off.example/\nSuites: bookworm\nComponents: main\n")
    assert [source["Uris"] for source in sources(etc)] == ["http://archive.example/debian"]


def test_a_key_inside_of_a_stanza_stays_whole(etc):
    key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEY865\n -----END PGP PUBLIC KEY BLOCK-----"
    write(etc, "sources.list.d/debian.sources", ARCHIVE + f"Signed-By:{key}\n")
    assert key in subprocess.run([PROGRAM, "--etc", etc], capture_output=True, text=True, check=True).stdout


def test_only_the_suite_with_its_updates_and_security_updates_is_taken(etc):
    write(etc, "sources.list", "deb http://archive.example/debian bookworm-backports main\ndeb http://archive.example/debian sid main\n"
                               "deb http://archive.example/debian bookworm contrib\ndeb http://tools.example/apt tools-bookworm main\n"
                               "deb http://security.example/ bookworm-security main\n")
    write(etc, "sources.list.d/node.sources", "Types: deb\nUris: http://node.example/\nSuites: nodistro\nComponents: main\n")
    assert [source["Suites"] for source in sources(etc)] == ["bookworm-security"]


def test_another_suite_takes_the_place_of_this_machine_s(etc):
    write(etc, "sources.list.d/debian.sources", ARCHIVE)
    assert [source["Suites"] for source in sources(etc, "--suite", "trixie")] == ["trixie trixie-updates"]


def test_source_packages_are_asked_for_when_they_are_wanted(etc):
    write(etc, "sources.list", "deb http://archive.example/debian bookworm main\ndeb-src http://sources.example/debian bookworm main\n")
    assert [source["Types"] for source in sources(etc)] == ["deb"]
    assert [source["Types"] for source in sources(etc, "--with-source-packages")] == ["deb deb-src", "deb-src"]


def test_a_machine_without_such_a_source_is_told_what_is_missing(etc):
    write(etc, "sources.list", "deb http://archive.example/debian stable main\n")
    finished = subprocess.run([PROGRAM, "--etc", etc], capture_output=True, text=True)
    assert finished.returncode == 1 and "component main of bookworm" in finished.stderr and "hint: " in finished.stderr
