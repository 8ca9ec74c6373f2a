"""A Debian machine with a booted systemd, without virtualization: a root file system in namespaces (script/boot-root)."""

import pathlib
import subprocess

from support import programs
from support.wait import wait_for


class Machine:
    """`with Machine(base, directory) as machine`: boots a copy-on-write view of the root file system `base`, which no
    test changes. Leaving the block ends every process of the machine and drops its changes.

    The machine has a network namespace with loopback only: each machine has its own port 7710.
    """

    def __init__(self, base, directory):
        self._base = base
        self._directory = directory
        self.root = directory / "root"
        self._process = None
        self.pid = None

    def __enter__(self):
        for name in ("changes", "work", "root"):
            (self._directory / name).mkdir(parents=True)
        layers = f"lowerdir={self._base},upperdir={self._directory / 'changes'},workdir={self._directory / 'work'}"
        subprocess.run(["mount", "-t", "overlay", "-o", layers, "overlay", self.root], check=True)
        try:
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._process:
            self._process.terminate()
            self._process.wait(20)
            self._process.stdout.close()
        subprocess.run(["umount", self.root], check=True)

    def _boot(self):
        self._process = subprocess.Popen([programs.ROOT / "script" / "boot-root", self.root],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.stdout.readline().strip()
        assert self.pid, "the machine did not boot"
        wait_for(lambda: self.try_run("systemctl", "is-active", "multi-user.target").returncode == 0, 300, "the boot")

    def try_run(self, *command, user="root", text=None, timeout=300):
        """Runs a command in the machine, as in a shell of the user; returns the finished process."""
        as_user = [] if user == "root" else ["runuser", f"--user={user}", "--"]
        return self._enter(["--all", "--wdns=/"], [*as_user, *command], text, timeout)

    def run(self, *command, **options):
        """As try_run(); the command has to succeed. Returns its standard output."""
        done = self.try_run(*command, **options)
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def from_outside(self, *command, env=None, timeout=300):
        """Runs a program of this machine in the other one's network. It has to succeed; returns its output."""
        done = self._enter(["--net"], command, None, timeout, env or programs.clean_environment())
        assert done.returncode == 0, f"{command[0]}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def _enter(self, namespaces, command, text, timeout, env=None):
        environment = env or {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
                              "DEBIAN_FRONTEND": "noninteractive"}
        return subprocess.run(
            ["nsenter", f"--target={self.pid}", *namespaces, *map(str, command)], env=environment, input=text or "",
            capture_output=True, text=True, timeout=timeout,
        )

    # What tests look at

    def path(self, inside):
        """The path here of a path there; not for what is on a tmpfs (/run, /tmp, /dev)."""
        return pathlib.Path(f"{self.root}{inside}")

    def install(self, package):
        """apt-get install ./PACKAGE; the output of both streams."""
        copy = self.path("/root") / package.name
        copy.write_bytes(package.read_bytes())
        done = self.try_run("apt-get", "install", "--yes", "--no-install-recommends", f"/root/{package.name}")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def service(self, *properties):
        """{property: value} of the control plane's unit."""
        shown = self.run("systemctl", "show", "secret-control-plane", f"--property={','.join(properties)}")
        return dict(line.split("=", 1) for line in shown.splitlines())

    def journal(self):
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit=secret-control-plane")
