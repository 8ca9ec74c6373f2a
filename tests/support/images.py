"""Container images without a daemon: buildah, with a separate storage that is deleted after the tests."""

import json
import pathlib
import platform
import re
import shutil
import subprocess
import tarfile

from support import programs

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
RELEASE = programs.ROOT / "dist" / ARCHITECTURE
ROOTS = programs.ROOT / "build" / "containers" / "roots"  # by script/make-container-roots
DOCKERFILE = programs.ROOT / "Dockerfile"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # as in official images


def two_lines():
    """The two lines that the documentation adds to an image; the Dockerfile has the same lines."""
    wanted = re.compile(r"^(?:# {5}|    )((?:COPY --from=agent-secrets|ENTRYPOINT) .*)$", re.MULTILINE)
    documented = wanted.findall((programs.ROOT / "docs" / "deploy" / "README.md").read_text())
    assert len(documented) == 2
    assert wanted.findall(DOCKERFILE.read_text()) == documented
    return "\n".join(documented)


def last_stage():
    """The end of the top-level Dockerfile, with the released files as its context."""
    stage = DOCKERFILE.read_text().split("\nFROM scratch\n")[1]
    assert "COPY --from=build /programs/secret-injector /programs/secret-sidecar /\n" in stage
    return "FROM scratch\n" + stage.replace("--from=build /programs/", "").replace(" /programs/", " ")


def control_plane_stage():
    """The stage of the control plane in the top-level Dockerfile, with what packaging/image/make-root has made as its
    context."""
    stage = DOCKERFILE.read_text().split("\nFROM scratch AS control-plane\n")[1].split("\nFROM ")[0]
    assert stage.count("--from=control-plane-build") == 3
    return "FROM scratch\n" + stage.replace("--from=control-plane-build ", "").replace(" /image/", " ")


class Images:
    """Owns `directory`. build() and root() work once for each name; root() returns the image's file system."""

    def __init__(self, directory):
        self.directory = directory
        self._built = set()
        self._roots = {}
        directory.mkdir(parents=True)
        # vfs works everywhere, and copies every file for each layer and each container.
        self._driver = "overlay" if self._run("overlay", "info").returncode == 0 else "vfs"

    def close(self):
        self._buildah("umount", "--all")
        shutil.rmtree(self.directory)

    def _run(self, driver, *arguments):
        """buildah with the storage of that driver; returns the finished process."""
        storage = ("--root", self.directory / f"graph-{driver}", "--runroot", self.directory / f"run-{driver}")
        command = [str(part) for part in ("buildah", *storage, "--storage-driver", driver, *arguments)]
        environment = programs.clean_environment(BUILDAH_ISOLATION="chroot", TMPDIR=self.directory)
        environment["PATH"] += ":/usr/sbin:/sbin"
        return subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180
        )

    def _buildah(self, *arguments):
        done = self._run(self._driver, *arguments)
        assert done.returncode == 0, f"buildah {arguments[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout.strip()

    def build(self, name, context, dockerfile=None, **arguments):
        """Builds an image from a Dockerfile (a text, or the file in the context) with its ARGs."""
        if name in self._built:
            return name
        options = [f"--build-arg={key}={value}" for key, value in arguments.items()]
        if dockerfile is not None:
            file = self.directory / f"{name}.Dockerfile"
            file.write_text(dockerfile)
            options.append(f"--file={file}")
        self._buildah("bud", "--pull-never", "--tag", name, *options, context)
        self._built.add(name)
        return name

    # Images that several tests use

    def programs(self):
        return self.build("agent-secrets", RELEASE, last_stage())

    def control_plane(self):
        """The control plane of the build, on the libraries of this machine."""
        content = self.directory / "control-plane"
        if not content.exists():
            make = programs.ROOT / "packaging" / "image" / "make-root"
            subprocess.run([make, programs.control_plane_program(), content], check=True, capture_output=True)
        return self.build("control-plane", content, control_plane_stage())

    def debian(self, suite):
        return self.build(f"debian-{suite}", ROOTS, f"FROM scratch\nADD {suite}.tar /\nENV PATH={PATH}\n")

    def alpine_like(self):
        return self.build("alpine-like", ROOTS, f"FROM scratch\nADD alpine-like.tar /\nENV PATH={PATH}\n")

    def base(self, suite):
        """base-image/Dockerfile on a plain Debian."""
        return self.build(
            f"base-{suite}", programs.ROOT / "base-image",
            BASE_IMAGE=f"localhost/{self.debian(suite)}", PROGRAMS_IMAGE=f"localhost/{self.programs()}",
        )

    def with_two_lines(self, image, command, more=""):
        """`image` and the two lines, with a CMD (and other instructions before it)."""
        self.programs()
        lines = two_lines().replace("--from=agent-secrets", "--from=localhost/agent-secrets")
        name = f"two-lines-{image}{'-more' if more else ''}"
        return self.build(name, ROOTS, f"FROM localhost/{image}\n{lines}\n{more}\nCMD {json.dumps(command)}\n")

    # The content of images

    def config(self, name):
        """The configuration by the OCI image specification: Env, Entrypoint, Cmd, User, WorkingDir."""
        return json.loads(self._buildah("inspect", "--type", "image", name))["OCIv1"]["config"]

    def root(self, name):
        """The file system, shared by all callers."""
        if name not in self._roots:
            self._roots[name] = self.writable_root(name)[1]
        return self._roots[name]

    def writable_root(self, name):
        """(container, its file system), for commit()."""
        container = self._buildah("from", "--pull-never", f"localhost/{name}")
        return container, pathlib.Path(self._buildah("mount", container))

    def commit(self, container, name):
        self._buildah("commit", container, f"localhost/{name}")
        return name

    def search(self, search, name):
        """Searches manifest, configuration, history and each file of each layer; returns the number of files."""
        saved = self.directory / "saved"
        self._buildah("push", f"localhost/{name}", f"oci:{saved}:{name}")
        count = 0
        for blob in sorted((saved / "blobs" / "sha256").iterdir()):
            try:
                with tarfile.open(blob) as layer:
                    count += _search_layer(search, layer, f"a layer of {name}")
            except tarfile.ReadError:
                search.bytes(blob.read_bytes(), f"the configuration of {name}")
        shutil.rmtree(saved)
        return count


def _search_layer(search, layer, place):
    count = 0
    for member in layer:
        search.text(f"{member.name} {member.linkname} {member.pax_headers}", f"a name in {place}")
        if member.isfile():
            search.bytes(layer.extractfile(member).read(), f"{member.name} in {place}")
            count += 1
    return count
