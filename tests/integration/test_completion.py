"""The completions of the three programs, in real shells that a person could be typing into."""

import subprocess

import pexpect
import pytest

from support import programs

PROGRAMS = {
    "secret-injector": programs.injector_program,
    "secret-sidecar": programs.sidecar_program,
    "secret-control-plane": programs.control_plane_program,
}
SHELLS = ("bash", "zsh", "fish")

# What is typed before the TAB, and the whole last word afterwards.
COMPLETED = [
    ("secret-injector --cache-d", "--cache-dir"),
    ("secret-injector --env-format c", "cli"),
    ("secret-injector --on-conflict ov", "override"),
    ("secret-injector --cache-dir FOLDER/sub", "FOLDER/subfolder/"),
    ("secret-injector --env-file FOLDER/some", "FOLDER/some.env"),
    ("secret-injector watch-c", "watch-credential"),
    ("secret-injector check --js", "--json"),
    ("secret-injector keygen FOLDER/some", "FOLDER/some.env"),
    ("secret-injector completion f", "fish"),
    ("secret-injector help key", "keygen"),
    ("secret-injector --env-file FOLDER/some.env -- demo-comm", "demo-command"),
    ("secret-injector --timeout 5s -- demo-command FOLDER/some", "FOLDER/some.env"),
    ("secret-sidecar sta", "status"),
    ("secret-sidecar run --unready-when sup", "superseded"),
    ("secret-sidecar wait-change --fr", "--from"),
    ("secret-control-plane cred", "credential"),
    ("secret-control-plane credential iss", "issue"),
    ("secret-control-plane credential issue --outp", "--output"),
    ("secret-control-plane --version credential issue --output FOLDER/some", "FOLDER/some.env"),
    ("secret-control-plane token create ci --role adm", "admin"),
    ("secret-control-plane image-pull-secret ren", "render"),
    ("secret-control-plane rotate sign", "signing-keys"),
    ("secret-control-plane rotate data-keys --nodes", "--nodes-have-keys"),
]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion")
    (folder / "subfolder").mkdir()
    (folder / "some.env").write_text("A=1\n")
    command = folder / "bin" / "demo-command"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    for name, program in PROGRAMS.items():
        for shell in SHELLS:
            script = subprocess.run([program(), "completion", shell], capture_output=True, text=True, timeout=20, check=True)
            (folder / f"{name}.{shell}").write_text(script.stdout)
    return folder


class Typing:
    """An interactive shell in which the programs print the words that they were given."""

    START = {
        "bash": (["--norc", "--noprofile", "-i"], 'PS1="ready> "; {name}() {{ printf "<%s>" "$@"; echo; }}; source {script}'),
        "zsh": (["-f", "-i"], 'PS1="ready> "; unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u -D; '
                              '{name}() {{ printf "<%s>" "$@"; echo; }}; source {script}'),
    }

    def __init__(self, shell, scene, program):
        arguments, start = self.START[shell]
        environment = programs.clean_environment(TERM="dumb" if shell == "bash" else "xterm", HOME=scene)
        environment["PATH"] = f"{scene / 'bin'}:/usr/bin:/bin"
        self.child = pexpect.spawn(shell, arguments, env=environment, timeout=30, encoding="utf-8", echo=False,
                                   dimensions=(50, 400))
        self.child.sendline(start.format(name=program, script=scene / f"{program}.{shell}") + "; echo set-u''p")
        self.child.expect("set-up")

    def words(self, typed):
        self.child.send(typed + "\t")
        self.child.send("\r")
        self.child.expect(r"((?:<[^>\x1b]*>)+)\r?\n")
        return self.child.match[1].strip("<>").split("><")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.close(force=True)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("shell", Typing.START)
def test_what_is_typed_is_completed(shell, program, scene):
    with Typing(shell, scene, program) as typing:
        for typed, word in COMPLETED:
            if not typed.startswith(program + " "):
                continue
            words = typing.words(typed.replace("FOLDER", str(scene)))
            # zsh adds '=' to an option that takes a value, and removes '/' when the line is entered.
            assert words[-1].rstrip("=/") == word.replace("FOLDER", str(scene)).rstrip("/"), typed


def fish(scene, program, typed):
    command = f"source {scene / (program + '.fish')}; complete --do-complete '{typed}'"
    environment = programs.clean_environment(HOME=scene, XDG_CONFIG_HOME=scene, XDG_DATA_HOME=scene)
    environment["PATH"] = f"{scene / 'bin'}:/usr/bin:/bin"
    finished = subprocess.run(["fish", "--no-config", "--command", command], capture_output=True, text=True, timeout=60,
                              env=environment)
    assert finished.stderr == ""
    return [line.split("\t")[0] for line in finished.stdout.splitlines()]


@pytest.mark.parametrize("typed, word", COMPLETED)
def test_fish_offers_the_word(typed, word, scene):
    typed = typed.replace("FOLDER", str(scene))
    offered = fish(scene, typed.split()[0], typed)
    # fish 4 also prints words that only resemble what is typed. It offers them if no word begins with it.
    assert [each for each in offered if each.startswith(typed.split()[-1])] == [word.replace("FOLDER", str(scene))]


@pytest.mark.parametrize("program", PROGRAMS)
def test_fish_offers_every_command_with_its_summary(program, scene):
    offered = fish(scene, program, f"{program} ")
    assert {"completion", "help"} < set(offered)


def bash(scene, program, *words):
    """What the function of `program` puts into COMPREPLY. `compopt` works only for a line that is being typed."""
    script = (f'source {scene / program}.bash; compopt() {{ :; }}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
              f'_{program.replace("-", "_")}; printf "%s\\n" "${{COMPREPLY[@]}}"')
    finished = subprocess.run(["bash", "-c", script, "bash", program, *words], capture_output=True, text=True, timeout=20)
    assert finished.stderr == ""
    return finished.stdout.split()


def test_bash_offers_all_that_fits(scene):
    assert bash(scene, "secret-injector", "--cache") == ["--cache-dir", "--cache", "--cache-max-age", "--cache-after"]
    assert bash(scene, "secret-injector", "--cache", "=", "") == ["optional", "required"]
    assert bash(scene, "secret-injector", "--sidecar", "=") == ["required"]
    assert bash(scene, "secret-injector", "--env-format", "=", "d") == ["dotenv"]
    assert bash(scene, "secret-injector", "") == ["check", "env", "keygen", "watch-credential", "completion", "help"]
    assert bash(scene, "secret-injector", "--timeout", "") == []
    assert bash(scene, "secret-sidecar", "") == ["run", "status", "wait-change", "completion", "help"]
    assert "--system-ca" in bash(scene, "secret-control-plane", "credential", "issue", "my-bot", "-")
    # A flag of one command is an option with a value in another.
    assert "--forget" in bash(scene, "secret-control-plane", "credential", "ca", "--forget", "-")
    assert bash(scene, "secret-control-plane", "fleet", "my-bot", "--forget", "-") == []


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_fit_for_its_shell(shell, program, scene):
    checked = subprocess.run([shell, "-n", scene / f"{program}.{shell}"], capture_output=True, text=True, timeout=60)
    assert (checked.returncode, checked.stderr) == (0, "")
