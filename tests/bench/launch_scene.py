"""The measured launches: twelve secrets in about 4 KB, TLS 1.3 on loopback, a private CA."""

import dataclasses
import itertools
import os
import pathlib
import shutil
import subprocess
from collections.abc import Callable

import bench_support
from support import programs, protocol

VALUES = {f"API_KEY_{number:02}": "v" * 320 for number in range(12)}
NOT_EXECUTABLE = "/dev/null"
COPIES = 4  # of the injector: the time varies by a tenth with the file's place in memory


@dataclasses.dataclass(frozen=True)
class Launch:
    """One line of the table: `command(target)` is the whole command line, which finally runs `target`."""

    name: str
    command: Callable[[str], list]
    is_ours: bool = False
    is_counted: bool = False  # its instructions are counted by callgrind
    is_slow: bool = False  # measured in every fourth round

    def counting(self, target):
        """(command, exit code) for a count. The injector must end without an exec, so its command does not exist."""
        return (self.command(NOT_EXECUTABLE), 126) if self.is_ours else (self.command(target), 0)


def injector():
    """$AGENT_SECRETS_INJECTOR, otherwise the released file, otherwise the build's."""
    named = os.environ.get("AGENT_SECRETS_INJECTOR")
    released = programs.ROOT / "dist" / "amd64" / "secret-injector"
    if named:
        return pathlib.Path(named).resolve()
    return released if released.exists() else programs.injector_program()


def is_static(program):
    headers = subprocess.run(["readelf", "--program-headers", program], check=True, capture_output=True, text=True)
    return "INTERP" not in headers.stdout


class Scene:
    """Two control planes over TLS: one serves; the other has filled a cache and then stopped."""

    def __init__(self, directory):
        self.directory = directory
        self.serving = bench_support.tls_control_plane(directory / "serving")
        self.gone = bench_support.tls_control_plane(directory / "gone")

    def __enter__(self):
        copies = [self.directory / f"secret-injector-{number}" for number in range(COPIES)]
        for copy in copies:
            shutil.copy(injector(), copy)
        self._injectors = itertools.cycle(copies)
        self.credential = self._bound(self.serving)
        self.old_credential = self._bound(self.gone)
        self.cache = self.directory / "cache"
        subprocess.run([*self.from_cache("/bin/true")], env=programs.clean_environment(), check=True)
        self.gone.stop()
        self.env_file = self.directory / "secrets.env"
        self.env_file.write_text("".join(f"{key}={value}\n" for key, value in VALUES.items()))
        self.bundle = self.directory / "bundle.pem"
        system = pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_bytes()
        self.bundle.write_bytes(system + pathlib.Path(self.serving.tls.ca).read_bytes())
        return self

    def __exit__(self, *exception):
        self.serving.__exit__(*exception)
        self.gone.__exit__(*exception)

    def _bound(self, control_plane):
        control_plane.__enter__()
        file = control_plane.directory / "credential"
        file.write_text(bench_support.bind_agent(control_plane, VALUES))
        file.chmod(0o600)
        return file

    def over_tls(self, target):
        return [next(self._injectors), "--credential-file", self.credential, "--", target]

    def from_cache(self, target):
        return [next(self._injectors), "--credential-file", self.old_credential, "--cache-dir", self.cache,
                "--timeout", "1s", "--", target]

    def from_env_file(self, target):
        return [next(self._injectors), "--env-file", self.env_file, "--", target]

    def curl(self, trusted):
        """Fetches the same bundle as the injector. A proof expires, so each run makes a new proof."""
        proof = protocol.proof(protocol.Credential.parse(self.credential.read_text()), protocol.BUNDLE)
        return ["curl", "-sSf", "-o", "/dev/null", "-H", f"Authorization: {proof}", "--cacert", trusted,
                self.serving.url + protocol.BUNDLE]

    def launches(self):
        ours = {"is_ours": True, "is_counted": True}
        return [
            Launch("a static program that does nothing", lambda target: [target], is_counted=True),
            Launch("secret-injector --env-file", self.from_env_file, **ours),
            Launch("secret-injector, TLS", self.over_tls, **ours),
            Launch("secret-injector, cache, after --timeout 1s", self.from_cache, is_ours=True, is_slow=True),
            Launch(BASELINE, lambda _: self.curl(self.serving.tls.ca), is_counted=True),
            Launch("curl, the system's bundle", lambda _: self.curl(self.bundle), is_counted=True),
        ]

    def peers(self):
        """(launches, {name: why it is missing}) of comparable programs."""
        dotenvx = programs.ROOT / "build/bench/node_modules/.bin/dotenvx"
        dotenv = programs.ROOT / ".venv/bin/dotenv"
        found = [
            ("tini", shutil.which("tini"), lambda tini, target: [tini, "-s", "--", target]),
            ("dotenvx run", dotenvx if shutil.which("node") and dotenvx.exists() else None,
             lambda program, target: [program, "run", "-q", "-f", self.env_file, "--", target]),
            ("python-dotenv run", dotenv if dotenv.exists() else None,
             lambda program, target: [program, "-f", self.env_file, "run", "--", target]),
        ]
        missing = {name: WHY_MISSING[name] for name, program, _ in found if not program}
        return [
            Launch(name, lambda target, make=make, program=program: make(program, target), is_slow=name != "tini")
            for name, program, make in found if program
        ], missing


BASELINE = "curl, one CA certificate"
WHY_MISSING = {
    "tini": "not installed",
    "dotenvx run": "no Node.js here, or its package could not be installed",
    "python-dotenv run": "no .venv here: PyPI could not be reached",
}
