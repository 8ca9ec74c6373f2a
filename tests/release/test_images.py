"""The published files run in any image: bookworm, trixie, a musl one, one with nothing in it, a hostile one.

Run by script/release, which names the architectures in $AGENT_SECRETS_ARCHITECTURES. A foreign one runs under
qemu-user. The control plane is real, with TLS on loopback; the credential carries the authority.
"""

import os
import pathlib
import platform
import re
import shutil
import stat
import subprocess

import pytest

from support import programs
from support.control_plane import ControlPlane, Tls
from support.tls import Authority

RELEASES = os.environ.get("AGENT_SECRETS_ARCHITECTURES", "amd64").split()
TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
EMULATORS = {"amd64": "qemu-x86_64-static", "arm64": "qemu-aarch64-static"}
HERE = pathlib.Path(__file__).resolve().parent
NAME = "control-plane.test"
VALUES = {"SHORT": "x", "LONG": "y" * 4000, "ODD": 'ä "quoted" $HOME \n two lines'}

# All that points a program at files of the image, as an image can set it.
HOSTILE = {
    "LD_PRELOAD": "/evil/evil.so",
    "LD_AUDIT": "/evil/evil.so",
    "LD_LIBRARY_PATH": "/evil",
    "GLIBC_TUNABLES": "glibc.malloc.perturb=85",
    "OPENSSL_CONF": "/evil/openssl.cnf",
    "OPENSSL_MODULES": "/evil",
    "OPENSSL_ENGINES": "/evil",
    "SSL_CERT_FILE": "/evil/evil.so",
    "SSL_CERT_DIR": "/evil",
    "CURL_CA_BUNDLE": "/evil/evil.so",
    "SSLKEYLOGFILE": "/evil/keys",
    "GCONV_PATH": "/evil",
    "LOCPATH": "/evil",
    "LC_ALL": "de_DE.UTF-8",
    "RES_OPTIONS": "ndots:15 inet6",
    "LOCALDOMAIN": "evil.test",
    "HOSTALIASES": "/evil/aliases",
}
# docs/injector.md lists these, with the reason for each.
MAY_BE_OPENED = {
    "/", "/proc/self/exe", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/hosts", "/etc/resolv.conf", "/etc/gai.conf",
    "/etc/localtime", "/run/agent-secrets",
    "/.env", "/command",  # the search for a .env that load_dotenv() would find
}


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory):
    directory = tmp_path_factory.mktemp("control-plane")
    authority = Authority(directory / "authority")
    certificate, key = authority.server_certificate(addresses=("IP:127.0.0.1", f"DNS:{NAME}"))
    plane = ControlPlane(directory / "plane", tls=Tls(certificate, key, authority.certificate))
    plane.serve_options += ["--public-url", f"https://{NAME}:{plane.port}"]
    with plane:
        rest = plane.rest()
        assert rest.put_secrets("bot-secrets", **VALUES).status == 202
        plane.wait_ready("bot-secrets")
        assert rest.deploy("bot", secretSet="bot-secrets").status == 200
        yield plane


def issue_credential(control_plane, host):
    trust = ("--ca", control_plane.tls.ca, "--url", f"https://{host}:{control_plane.port}")
    return control_plane.run("credential", "issue", "bot", *trust).stdout.strip()


@pytest.fixture(scope="module")
def by_name(control_plane):
    return issue_credential(control_plane, NAME)


@pytest.fixture(scope="module")
def by_address(control_plane):
    return issue_credential(control_plane, "127.0.0.1")


@pytest.fixture(scope="module", params=RELEASES)
def architecture(request):
    subprocess.run([HERE / "make-images", request.param], check=True)
    return request.param


class Image:
    """A root file system with the published injector and a static command in it."""

    def __init__(self, architecture, name):
        self.architecture = architecture
        self.root = programs.ROOT / "build" / "static" / "images" / architecture / name
        for program in ("secret-injector", "secret-sidecar"):
            shutil.copy(programs.ROOT / "dist" / architecture / program, self.root / program)
        self._compile("command", architecture)
        self._emulated = architecture != NATIVE
        if self._emulated:
            shutil.copy(shutil.which(EMULATORS[architecture]), self.root / "emulator")

    def _compile(self, name, architecture):
        compiler = f"{TRIPLETS[architecture]}-gcc"
        subprocess.run([compiler, "-static", "-O1", "-o", self.root / name, HERE / f"{name}.c"], check=True)

    def program(self, path):
        """The command line that starts a program of the image."""
        return ["/emulator", path] if self._emulated else [path]

    def run(self, command, environment):
        def enter():
            os.chroot(self.root)
            os.chdir("/")

        return subprocess.run(
            command, env=environment, preexec_fn=enter, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )

    def start_command(self, credential, environment, options=()):
        """What the command sees under the injector, as {name: value}."""
        started = self.run(
            [*self.program("/secret-injector"), "--timeout", "20s", *options, "--", *self.program("/command")],
            {**environment, "AGENT_SECRETS_CREDENTIAL": credential},
        )
        assert started.returncode == 0 and b"secret-injector" not in started.stderr, started.stderr.decode()
        return dict(entry.decode().split("=", 1) for entry in started.stdout.split(b"\0") if entry)

    @property
    def marker(self):
        return self.root / "evil-was-here"


def resolve_locally(image):
    with open(image.root / "etc" / "hosts", "w") as hosts:
        hosts.write(f"127.0.0.1 localhost {NAME}\n")


def make_null_device(image):
    """What each container runtime provides."""
    device = image.root / "dev" / "null"
    device.parent.mkdir(exist_ok=True)
    if not device.exists():
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))


@pytest.mark.parametrize("name", ["bookworm", "trixie", "alpine"])
def test_values_arrive_in_an_image_with_names_to_resolve(architecture, name, by_name):
    image = Image(architecture, name)
    resolve_locally(image)
    assert image.start_command(by_name, {"PATH": "/bin"}) == {"PATH": "/bin", **VALUES}


def test_values_arrive_in_an_empty_image(architecture, by_address):
    image = Image(architecture, "empty")
    assert not (image.root / "etc").exists() and not (image.root / "lib").exists()
    assert image.start_command(by_address, {}) == VALUES


def test_the_sidecar_starts_in_an_empty_image(by_address):
    if NATIVE not in RELEASES:
        pytest.skip(f"there is no release for {NATIVE} here")
    image = Image(NATIVE, "empty")
    make_null_device(image)
    # Found by PATH: there is no /proc that would tell where the injector is. With the command it ends.
    environment = {"PATH": "/", "AGENT_SECRETS_SIDECAR_LISTEN": f"127.0.0.1:{programs.free_port()}"}
    options = ("--sidecar=required", "--state-dir", "/state")
    assert image.start_command(by_address, environment, options) == {**environment, **VALUES}


def test_nothing_of_a_hostile_image_is_loaded(architecture, by_name):
    image = Image(architecture, "hostile")
    resolve_locally(image)
    image.marker.unlink(missing_ok=True)
    assert image.start_command(by_name, HOSTILE) == {**HOSTILE, **VALUES}
    assert not image.marker.exists()
    assert not (image.root / "evil" / "keys").exists()


@pytest.fixture
def hostile():
    if NATIVE not in RELEASES:
        pytest.skip(f"there is no release for {NATIVE} here")
    subprocess.run([HERE / "make-images", NATIVE], check=True)
    image = Image(NATIVE, "hostile")
    resolve_locally(image)
    image.marker.unlink(missing_ok=True)
    yield image
    image.marker.unlink(missing_ok=True)


@pytest.mark.parametrize(
    "command, environment",
    [
        (["/usr/bin/getent", "hosts", NAME], {}),
        (["/bin/true"], {"LD_PRELOAD": HOSTILE["LD_PRELOAD"]}),
        (["/bin/true"], {"LD_AUDIT": HOSTILE["LD_AUDIT"]}),
        (["/usr/bin/getent", "hosts", NAME], {"LD_LIBRARY_PATH": HOSTILE["LD_LIBRARY_PATH"]}),
    ],
)
def test_the_hostile_image_does_load_its_code_into_an_ordinary_program(hostile, command, environment):
    hostile.run(command, environment)
    assert hostile.marker.exists()


def test_only_listed_files_are_opened_in_a_hostile_image(hostile, by_name, tmp_path):
    hostile._compile("enter", NATIVE)
    trace = tmp_path / "trace"
    variables = {**HOSTILE, "AGENT_SECRETS_CREDENTIAL": by_name}
    traced = subprocess.run(
        ["strace", "-f", "-e", "trace=%file", "-o", trace, *(f"-E{name}={value}" for name, value in variables.items()),
         hostile.root / "enter", hostile.root, "/secret-injector", "--", "/command"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
    )
    assert traced.returncode == 0, traced.stderr
    between = trace.read_text().split('execve("/secret-injector"')[1].split('execve("/command"')[0]
    named = set(re.findall(r'"(/[^"]*)"', between.split("\n", 1)[1]))
    assert named <= MAY_BE_OPENED
    assert "/etc/hosts" in named  # or nothing was traced
