"""`--env-format cli` reads a file exactly as the official CLI's `secrets set --file` does: the same odd files go to both, the
CLI's through a recording server, and keys and values are compared. What the one refuses the other refuses."""

import concurrent.futures
import subprocess

import pytest

from support import official_cli, programs, raw_exec
from support.control_plane import ControlPlane
from support.recording_proxy import RecordingProxy

# The CLI takes a second to import, so that is done once; then a process for each file.
DRIVER = """
import os, pathlib, sys
from pipecat_cli.main import app
started = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.env")):
    pid = os.fork()
    if pid == 0:
        sys.argv = ["pipecat", "cloud", "secrets", "set", path.stem, "--file", str(path), "--skip"]
        sys.exit(app())
    started[pid] = path
for pid, path in started.items():
    _, status = os.waitpid(pid, 0)
    path.with_suffix(".exit").write_text(str(os.waitstatus_to_exitcode(status)))
"""

FILES = {
    "plain": b"A=1\nB=2\n",
    "no-final-newline": b"A=1\nB=2",
    "crlf": b"A=1\r\nB=2\r\n",
    "cr-alone": b"A=1\rB=2\r",
    "mixed-ends": b"A=1\r\n\rB=2\n\r\nC=3",
    "blank-lines-and-comments": b"\n  \t\n# A=0\n   # B=0\nA=1\n#\n\nB=2#3\n",
    "inline-comment": b"A=1 # no comment\nB=#hash\n",
    "spaces-around": b"  A  =  1 2  \n\tB\t=\t2\t\n",
    "equals-in-value": b"E==a=b\nF=a==\nG=base64==\n",
    "double-quotes": b'A="x y"\nB=" x "\nC="x" "y"\nD=""x""\nE="x\nF=x"\nG="a"b\n',
    "single-quotes": b"A='x'\nB='\nC=''\n",
    "quote-and-spaces": b'A = "x" \nB="x" # c\n',
    "escapes": b'A=\\n\\t\\\\\nB="\\""\nC=$HOME ${A} `id` $(id)\n',
    "duplicate-keys": b"A=1\nB=1\nA=2\nC=1\nB=3\n",
    "duplicate-after-quotes": b'A="1"\nA=2\n',
    "dashes-and-digits": b"MY-KEY=1\n1ST=2\n_=3\n-=4\nlower_case=5\n",
    "longest-key": b"K" * 64 + b"=1\n",
    "long-value": b"A=" + b"v" * 100_000 + b"\n",
    "utf-8-value": "A=\u00e9\u4e2d\U0001f511\nB=\u200b\u200b\n".encode(),
    "unicode-spaces": "\u00a0A\u2009=\u3000x\u00a0y\u2028\nB=\u20031\u205f\n\u1680C\u202f=\u2000 1\u000b\n".encode(),
    "line-separators-do-not-end-lines": "A=1\u2028B=2\nC=1\u0085D\nE=1\x0bF=2\x0c\nG=\x1c1\x1d\nH=a\x1eb\x1f\n".encode(),
    "mark-in-the-middle": b"A=1\nB=\xef\xbb\xbf2\n",
    "continued-line": b"A=1 \\\nB=2\n",
    "control-characters": b"A=\x01\x02\x7f\nB=\x1b[31m\n",
    # Refused by both.
    "empty-file": b"",
    "only-comments": b"# nothing\n\n",
    "no-equals": b"A=1\nnonsense\n",
    "yaml": b"A: 1\n",
    "empty-key": b"=1\n",
    "empty-value": b"A=\n",
    "blank-value": b"A=   \nB=1\n",
    "quoted-nothing": b'A=""\n',
    "lone-quote": b'A="\n',
    "export": b"export X=1\n",
    "key-with-space": b"A B=1\n",
    "key-with-dot": b"A.B=1\n",
    "quoted-key": b'"A"=1\n',
    "unicode-key": "\u00c9=1\n".encode(),
    "unicode-digit-key": "\u0661=1\n".encode(),
    "too-long-key": b"K" * 65 + b"=1\n",
    "byte-order-mark": b"\xef\xbb\xbfA=1\n",
    "utf-16": "A=1\n".encode("utf-16"),
    "latin-1": b"A=\xe9\n",
    "broken-utf-8": b"A=\xf0\x9f\x94\n",
    "surrogate": b"A=\xed\xa0\x80\n",
    "nul": b"A=x\0y\n",
    "continued-quote": b'A="line one\nline two"\n',
    "pem": b"KEY=-----BEGIN KEY-----\nabc\n-----END KEY-----\n",
    "multiline-with-equals": b'A="line one\nline=two"\n',
}
REFUSED = set(list(FILES)[list(FILES).index("empty-file"):]) - {"multiline-with-equals"}


@pytest.fixture(scope="module")
def read_by_the_cli(tmp_path_factory):
    """{file: its pairs, or None where the CLI refused it}."""
    if not official_cli.installed():
        pytest.skip("the official CLI is not installed; run script/bootstrap")
    directory = tmp_path_factory.mktemp("cli")
    files = directory / "files"
    files.mkdir()
    for name, content in FILES.items():
        (files / f"{name}.env").write_bytes(content)
    with ControlPlane(directory / "control-plane") as control_plane, RecordingProxy(control_plane.url) as proxy:
        cli = official_cli.OfficialCli(proxy.url, control_plane.token, control_plane.organization, directory / "home")
        python = official_cli.NEWEST.program.with_name("python")
        driven = subprocess.run([python, "-c", DRIVER, files], env=cli.environment, cwd=cli.home,
                                stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        assert driven.returncode == 0, driven.stderr
        puts = proxy.bodies("PUT")
    read = {}
    for name in FILES:
        pairs = {body["secretKey"]: body["secretValue"] for body in puts if body["name"] == name}
        read[name] = pairs if (files / f"{name}.exit").read_text() == "0" else None
    return read


@pytest.fixture(scope="module")
def read_by_the_injector(tmp_path_factory):
    directory = tmp_path_factory.mktemp("injector")

    def read(name):
        path = directory / name
        path.write_bytes(FILES[name])
        finished = raw_exec.run([programs.injector_program(), "--env-format", "cli", "--env-file", path, "/bin/cat", "/proc/self/environ"], [])
        if finished.returncode == 125:
            assert finished.stderr.count(b"\n") == 2 and b"\nhint: " in finished.stderr, finished.stderr
            return None
        assert finished.returncode == 0, finished.stderr
        return dict(entry.split("=", 1) for entry in finished.stdout.decode().split("\0")[:-1])

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return dict(zip(FILES, pool.map(read, FILES)))


@pytest.mark.parametrize("name", FILES)
def test_both_read_the_same(name, read_by_the_cli, read_by_the_injector):
    assert read_by_the_injector[name] == read_by_the_cli[name]


def test_the_table_has_both_kinds_and_says_which(read_by_the_injector):
    """Without the CLI too: what is refused is what the table says."""
    assert {name for name, pairs in read_by_the_injector.items() if pairs is None} == REFUSED
    assert read_by_the_injector["equals-in-value"] == {"E": "=a=b", "F": "a==", "G": "base64=="}
