"""A launch under strace: a value leaves the process only in the command's environment, and every opened path is
listed in docs/injector.md with its reason."""

import fnmatch
import re
import secrets

import pytest

from support import canary, programs, strace, tls
from support.control_plane import ControlPlane, Tls
from support.credential_text import with_identity

BINARY = programs.injector_program().read_bytes() if programs.injector_program().exists() else b""
pytestmark = [
    pytest.mark.skipif(not strace.installed(), reason="strace is not installed; run script/bootstrap"),
    pytest.mark.skipif(b"libasan" in BINARY or b"libtsan" in BINARY, reason="a sanitizer's runtime is traced with it"),
]

SECTION = "## What happens, in order, and what is opened"
PLACES = ("CREDENTIAL_FILE", "ENV_FILE", "CACHE_DIR", "STATE_DIR", "FILE_DIR", "COMMAND", "PARENT")  # PARENT: of the directories


def documented(page):
    """The paths in the second column of that section's tables, as patterns: all texts in backquotes that begin
    with a slash or one of the PLACES."""
    section = page.split(SECTION, 1)[1].split("\n## ", 1)[0]
    cells = [line.split("|")[2] for line in section.splitlines() if line.startswith("|")]
    words = [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]
    return {word for word in words if word.startswith(("/", *PLACES))}


def undocumented(opened, patterns, places):
    """The paths that no pattern matches; `places` has the values of the capital words."""
    concrete = []
    for pattern in patterns:
        head, slash, rest = pattern.partition("/")
        concrete.append(pattern if pattern.startswith("/") else str(places.get(head, "/nowhere")) + slash + rest)
    return sorted({path for path in opened if not any(fnmatch.fnmatchcase(path, pattern) for pattern in concrete)})


PATTERNS = documented((programs.ROOT / "docs" / "injector.md").read_text())
LOADER = {pattern for pattern in PATTERNS if pattern.startswith(("/lib", "/usr/lib", "/etc/ld.so"))}
if b"/ld-linux" not in BINARY[:4096]:
    PATTERNS -= LOADER  # a static program does not open them


class Launch:
    """One traced start of /bin/true, and its places."""

    def __init__(self, directory, values, options, places, **environment):
        directory.mkdir(exist_ok=True)
        self.places = {"COMMAND": "/bin/true", **places}
        argv = [programs.injector_program(), "-v", *options, "--", "/bin/true"]
        self.finished, self.calls = strace.run(
            argv, directory / "trace", programs.clean_environment(**environment))
        self.values = values

    def of_the_injector(self):
        return [call for call in self.calls if call.program == 0]

    def opened(self):
        return {call.opened for call in self.of_the_injector() if call.opened is not None}


def canaries():
    return {name: f"canary-{secrets.token_hex(12)}" for name in ("FIRST", "SECOND")}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A control plane with TLS, a ready set of canaries, and a credential for its agent."""
    directory = tmp_path_factory.mktemp("server")
    authority = tls.Authority(directory / "authority")
    certificate, key = authority.server_certificate()
    with ControlPlane(directory / "control-plane", tls=Tls(certificate, key, authority.certificate)) as control_plane:
        control_plane.values = canaries()
        rest = control_plane.rest()
        assert rest.put_secrets("bot-secrets", **control_plane.values).status == 202
        control_plane.wait_ready("bot-secrets")
        assert rest.deploy("bot", secretSet="bot-secrets").status == 200
        control_plane.credential = control_plane.issue_credential("bot")
        yield control_plane


def fetched(directory, server, credential, *more):
    directory.mkdir(exist_ok=True)
    places = {"CREDENTIAL_FILE": directory / "credential", "CACHE_DIR": directory / "cache",
              "STATE_DIR": directory / "state", "PARENT": directory}
    places["CREDENTIAL_FILE"].write_text(credential)
    places["CREDENTIAL_FILE"].chmod(0o400)
    options = ["--credential-file", places["CREDENTIAL_FILE"], "--cache-dir", places["CACHE_DIR"],
               "--state-dir", places["STATE_DIR"], "--timeout", "2", *more]
    return Launch(directory, server.values, options, places)


@pytest.fixture(scope="module")
def env_file_launch(tmp_path_factory):
    directory = tmp_path_factory.mktemp("env-file")
    values, path = canaries(), directory / "env-file"
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    places = {"ENV_FILE": path, "STATE_DIR": directory / "state", "PARENT": directory}
    return Launch(directory, values, ["--env-file", path, "--state-dir", places["STATE_DIR"]], places)


@pytest.fixture(scope="module")
def file_launch(tmp_path_factory):
    """One value in a file in memory, one in a file at a path."""
    directory = tmp_path_factory.mktemp("files")
    values, path = canaries(), directory / "env-file"
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    places = {"ENV_FILE": path, "STATE_DIR": directory / "state", "FILE_DIR": directory / "files", "PARENT": directory}
    options = ["--env-file", path, "--state-dir", places["STATE_DIR"], "--allow-disk",
               "--file", "FIRST=FIRST_PATH", "--file", f"SECOND=SECOND_PATH:{places['FILE_DIR']}/second"]
    return Launch(directory, values, options, places)


@pytest.fixture(scope="module")
def bundle_launch(tmp_path_factory, server):
    return fetched(tmp_path_factory.mktemp("bundle"), server, server.credential, "--sidecar=required")


@pytest.fixture(scope="module")
def second_launch(tmp_path_factory, server):
    """A start with a cache and a state directory from an earlier start."""
    directory = tmp_path_factory.mktemp("second")
    fetched(directory / "first", server, server.credential)
    (directory / "first" / "trace").rename(directory / "first-trace")
    return fetched(directory / "first", server, server.credential)


@pytest.fixture(scope="module")
def user_launch(tmp_path_factory, server):
    return fetched(tmp_path_factory.mktemp("other-user"), server, server.credential, "--user", "4242:4242")


@pytest.fixture(scope="module")
def nameless_launch(tmp_path_factory, server):
    """A control plane whose name has no address."""
    credential = with_identity(server.credential, urls=["https://control-plane.invalid"])
    return fetched(tmp_path_factory.mktemp("nameless"), server, credential)


@pytest.fixture(scope="module")
def untrusted_launch(tmp_path_factory, server):
    """The certificate is searched in the system's certificates, and not found."""
    return fetched(tmp_path_factory.mktemp("untrusted"), server, with_identity(server.credential, ca=None))


STARTED = ["env_file_launch", "bundle_launch", "second_launch", "user_launch"]
FAILED = ["nameless_launch", "untrusted_launch"]


@pytest.fixture(scope="module")
def launch(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("launch", STARTED, indirect=True)
def test_every_value_is_in_the_environment_of_the_command(launch):
    """strace sees the value there: this shows that the search works."""
    assert launch.finished.returncode == 0, launch.finished.stderr
    execs = [call for call in launch.of_the_injector() if call.succeeded_as_exec and b"/bin/true" in call.content]
    assert len(execs) == 1
    assert all(f"{name}={value}".encode() in execs[0].content for name, value in launch.values.items())


@pytest.mark.parametrize("launch", STARTED + FAILED, indirect=True)
def test_no_value_is_handed_to_the_kernel_but_in_that_environment(launch):
    search = canary.Search(launch.values)
    assert strace.handed_out(launch.calls, search) == []
    assert search.places > 100
    assert all(f"{name}={value}".encode() not in call.content for name, value in launch.values.items()
               for call in launch.calls if call.succeeded_as_exec and b"secret-sidecar" in call.content)


def test_a_value_for_a_file_is_in_no_call_but_the_write_of_that_file(file_launch):
    """Not in the command's environment either."""
    assert file_launch.finished.returncode == 0, file_launch.finished.stderr
    search = canary.Search(file_launch.values)
    writes = [call for call in file_launch.calls if call.name == "write" and not search.bytes(call.content, "a write")]
    descriptors = sorted(call.content.split(b">")[0].split(b"<")[1] for call in writes)
    places = sorted([b"/memfd:FIRST", f"{file_launch.places['FILE_DIR']}/.second.".encode()])
    assert len(descriptors) == 2 and all(map(bytes.startswith, descriptors, places))
    others = [call for call in file_launch.calls if call not in writes]
    assert strace.handed_out(others, canary.Search(file_launch.values)) == []
    assert not any(value.encode() in call.content for value in file_launch.values.values()
                   for call in others if call.succeeded_as_exec)


def test_a_file_in_memory_is_sealed_and_closed_to_others(file_launch):
    calls = [call for call in file_launch.of_the_injector()
             if call.name == "memfd_create" or b"F_ADD_SEALS" in call.arguments or
             (call.name == "fchmod" and b"/memfd:FIRST" in call.content)]
    assert [call.name for call in calls] == ["memfd_create", "fcntl", "fchmod"]
    made, sealed, closed = (call.content for call in calls)
    assert b"MFD_CLOEXEC|MFD_ALLOW_SEALING" in made
    for seal in (b"F_SEAL_WRITE", b"F_SEAL_SHRINK", b"F_SEAL_GROW", b"F_SEAL_SEAL"):
        assert seal in sealed
    assert b"0400" in closed


@pytest.mark.parametrize("launch", STARTED, indirect=True)
def test_a_launch_without_file_makes_none(launch):
    assert not any(call.name == "memfd_create" and b"watch-credential" not in call.content
                   for call in launch.of_the_injector())
    assert not any("files.json" in (call.opened or "") for call in launch.calls if call.program == 0)


@pytest.mark.parametrize("launch", STARTED + FAILED + ["file_launch"], indirect=True)
def test_nothing_is_opened_that_is_not_documented(launch):
    opened = launch.opened()
    assert len(opened) >= 2
    assert undocumented(opened, PATTERNS, launch.places) == []


@pytest.mark.parametrize("launch", FAILED, indirect=True)
def test_what_has_to_fail_failed(launch):
    assert launch.finished.returncode == 125, launch.finished.stderr


def test_the_sidecar_was_traced_too(bundle_launch):
    assert any(call.program == 1 and call.opened == str(bundle_launch.places["STATE_DIR"] / "sidecar.lock")
               for call in bundle_launch.calls)


def test_the_page_is_read_as_it_is_meant():
    page = f"# x\n| a | `/not/here` |\n{SECTION}\n\n| step | files | why |\n|---|---|---|\n" \
           "| one | `/etc/a`, then `CACHE_DIR/KID.tmp` and `prctl` | `/never` |\n\n| two | `/lib/*` | |\n## Next\n| a | `/b` |\n"
    assert documented(page) == {"/etc/a", "CACHE_DIR/KID.tmp", "/lib/*"}


def test_an_open_that_is_not_listed_is_found():
    opened = {"/etc/a", "/etc/ab", "/c/x.tmp", "/c/x.new", "/c", "/env"}
    places = {"CACHE_DIR": "/c"}
    assert undocumented(opened, {"/etc/a", "CACHE_DIR/*.tmp", "ENV_FILE"}, places) == ["/c", "/c/x.new", "/env", "/etc/ab"]
    assert undocumented({"/etc/passwd"}, PATTERNS, places) == ["/etc/passwd"]
