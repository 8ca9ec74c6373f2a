"""script/sign-release in a repository of its own, with throwaway keys."""

import hashlib
import shutil
import subprocess

import pytest
from support import programs

SCRIPTS = ("script/sign-release", "script/lib.bash", "CMakeLists.txt")


class Repository:
    """A tagged release with one file in dist/amd64."""

    def __init__(self, path):
        self.path = path
        for name in SCRIPTS:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(programs.ROOT / name, path / name)
        (path / "CHANGELOG.md").write_text("# Changelog\n\n## 0.1.0\n")
        (path / ".gitignore").write_text("/dist/\n")
        self.key = self.new_key("maintainer")
        self.signers = path.parent / "signers"
        self.signers.write_text(f'maintainer namespaces="agent-secrets-release" {self.key.with_suffix(".pub").read_text()}')
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()
        self.git("tag", "--annotate", "--message=release", "v0.1.0")
        self.program = path / "dist" / "amd64" / "secret-injector"
        self.program.parent.mkdir(parents=True)
        self.program.write_text("a program")
        sums = hashlib.sha256(b"a program").hexdigest() + "  secret-injector\n"
        (self.program.parent / "SHA256SUMS").write_text(sums)

    def new_key(self, name):
        key = self.path.parent / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key], check=True)
        return key

    def git(self, *arguments):
        identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
                    for what, value in (("NAME", "a"), ("EMAIL", "a@example.com"))}
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.path.parent), **identity}
        subprocess.run(["git", *arguments], cwd=self.path, check=True, env=environment)

    def commit(self):
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "--message=a change")

    def sign(self, key=None):
        return subprocess.run([self.path / "script" / "sign-release", "--signers", self.signers, key or self.key],
                              capture_output=True, text=True, timeout=30, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"})

    def verifies(self):
        """As SECURITY.md says: the signature, then the checksums."""
        text = (self.path / "dist" / "SHA256SUMS").read_bytes()
        signature = subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-n", "agent-secrets-release", "-f", self.signers, "-I", "maintainer",
             "-s", "SHA256SUMS.sig"], cwd=self.path / "dist", input=text, capture_output=True)
        sums = subprocess.run(["sha256sum", "--check", "--strict", "--ignore-missing", "SHA256SUMS"],
                              cwd=self.path / "dist", capture_output=True)
        return signature.returncode == 0 and sums.returncode == 0


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repository")


def test_a_release_is_signed_and_verifies(repository):
    signed = repository.sign()
    assert signed.returncode == 0, signed.stderr
    assert "signed by maintainer, version 0.1.0" in signed.stderr
    assert repository.verifies()


def test_a_changed_file_or_list_does_not_verify(repository):
    assert repository.sign().returncode == 0
    repository.program.write_text("another program")
    assert not repository.verifies()
    repository.program.write_text("a program")
    with open(repository.path / "dist" / "SHA256SUMS", "a") as sums:
        sums.write("\n")
    assert not repository.verifies()


def test_only_a_listed_key_signs(repository):
    refused = repository.sign(repository.new_key("stranger"))
    assert refused.returncode == 1 and "the key is not in" in refused.stderr and "\nhint: Add the line: " in refused.stderr


def test_what_is_not_the_tagged_version_is_not_signed(repository):
    (repository.path / "change").touch()
    assert "uncommitted changes" in repository.sign().stderr
    repository.commit()
    assert "no tag v0.1.0" in repository.sign().stderr


def test_a_version_without_its_section_of_the_changelog_is_not_signed(repository):
    (repository.path / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n")
    repository.commit()
    repository.git("tag", "--force", "--annotate", "--message=release", "v0.1.0")
    assert "no section 0.1.0" in repository.sign().stderr


def test_a_release_that_does_not_fit_its_own_checksums_is_not_signed(repository):
    repository.program.write_text("another program")
    assert "SHA256SUMS does not fit" in repository.sign().stderr


def test_the_committed_list_takes_a_line(repository):
    committed = programs.ROOT / "packaging" / "allowed-signers"
    repository.signers.write_text(committed.read_text() + repository.signers.read_text())
    assert repository.sign().returncode == 0
    checked = subprocess.run(
        ["ssh-keygen", "-Y", "find-principals", "-n", "agent-secrets-release", "-f", repository.signers,
         "-s", "SHA256SUMS.sig"], cwd=repository.path / "dist", capture_output=True, text=True)
    assert (checked.stdout, checked.stderr) == ("maintainer\n", "")
