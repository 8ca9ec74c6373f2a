"""What must fail: each with one line of error and a hint, the documented exit code, nothing lost."""

import os
import re
import socket
import sqlite3

import pytest

from support import programs, tls
from support.control_plane import ControlPlane, Tls
from support.credential_text import identity_of, with_identity
from support.instance import injected_environment, run_injector
from support.small_disk import mounted, take_all_room

INJECTOR_FAILED = 125
SECRET = "sk-bad-input-0123456789abcdef"


def assert_refused(finished, program, *words, code=None):
    """One error line that holds the words, one hint, nothing that looks like a crash."""
    lines = [line for line in finished.stderr.splitlines() if not re.match(r"\{|(info|warning|debug) ", line)]
    assert len(lines) == 2, finished.stderr
    assert lines[0].startswith(f"{program}: error: ")
    assert lines[1].startswith("hint: ") and len(lines[1]) > len("hint: ")
    for word in words:
        assert word in lines[0].lower() + lines[1].lower(), finished.stderr
    assert finished.returncode == code if code is not None else 0 < finished.returncode < 128
    assert SECRET not in finished.stderr


def inject(credential, tmp_path, *options, timeout=3, **more):
    """Runs /bin/true under the injector, with directories of its own."""
    where = ("--cache-dir", tmp_path / "cache", "--state-dir", tmp_path / "state",
             "--timeout", str(timeout))
    return run_injector(credential, "/bin/true", options=(*where, *options), **more)


def serve(control_plane, *options):
    """A second `serve` on the same data, which has to fail by itself."""
    return control_plane.run("serve", "--listen", f"127.0.0.1:{programs.free_port()}", *options, check=False)


@pytest.fixture
def credential(control_plane, rest):
    """Of an agent bound to a ready set that holds KEY."""
    rest.put_secrets("set1", KEY=SECRET)
    control_plane.wait_ready("set1")
    assert rest.deploy("bot", secretSet="set1").status == 200
    return control_plane.issue_credential("bot")


# Credentials


def test_no_credential(tmp_path):
    assert_refused(inject(None, tmp_path), "secret-injector", "credential", code=INJECTOR_FAILED)


@pytest.mark.parametrize("text", ["", "nonsense", "agentcred_v1_", "agentcred_v1_e30.AAAA", "agentcred_v2_e30.AAAA"])
def test_a_malformed_credential(tmp_path, text):
    assert_refused(inject(text, tmp_path), "secret-injector", "credential", code=INJECTOR_FAILED)


def test_a_missing_credential_file(tmp_path):
    finished = inject(None, tmp_path, "--credential-file", tmp_path / "absent")
    assert_refused(finished, "secret-injector", "absent", code=INJECTOR_FAILED)


def test_a_credential_with_a_wrong_checksum(credential, tmp_path):
    # A character in the middle of the seed, so that no padding bits are hit.
    middle = credential.rindex(".") + 20
    typo = credential[:middle] + ("A" if credential[middle] != "A" else "B") + credential[middle + 1 :]
    finished = inject(typo, tmp_path)
    assert_refused(finished, "secret-injector", "checksum", code=INJECTOR_FAILED)
    assert credential.rsplit(".", 1)[1][:16] not in finished.stderr


def test_a_credential_that_names_another_agent(credential, rest, tmp_path):
    assert rest.deploy("other", secretSet="set1").status == 200
    finished = inject(with_identity(credential, agent="other"), tmp_path)
    assert_refused(finished, "secret-injector", code=INJECTOR_FAILED)


def test_a_revoked_credential(control_plane, credential, tmp_path):
    # Started once, so that there is a cache: it must not serve for a refusal.
    assert inject(credential, tmp_path).returncode == 0
    listed = control_plane.run("credential", "list", "bot").stdout
    kid = identity_of(credential)["kid"]
    assert kid in listed
    control_plane.run("credential", "revoke", "bot", kid)
    assert_refused(inject(credential, tmp_path), "secret-injector", code=INJECTOR_FAILED)


def test_a_refused_connection(control_plane, credential, tmp_path):
    control_plane.stop()
    finished = inject(credential, tmp_path)
    assert_refused(finished, "secret-injector", str(control_plane.port), code=INJECTOR_FAILED)


def test_an_agent_that_was_deleted(rest, credential, tmp_path):
    assert rest.org("DELETE", "services/bot").status == 200
    assert_refused(inject(credential, tmp_path), "secret-injector", code=INJECTOR_FAILED)


# Certificates


BAD_CERTIFICATES = {"expired": {"expired": True}, "another host's": {"addresses": ("DNS:elsewhere.example",)}}


@pytest.mark.parametrize("options", BAD_CERTIFICATES.values(), ids=BAD_CERTIFICATES.keys())
def test_a_bad_server_certificate(tmp_path, options):
    authority = tls.Authority(tmp_path / "ca")
    good, bad = authority.server_certificate("good"), authority.server_certificate("bad", **options)
    with ControlPlane(tmp_path / "control-plane", tls=Tls(*good, authority.certificate)) as control_plane:
        rest = control_plane.rest()
        rest.put_secrets("set1", KEY=SECRET)
        control_plane.wait_ready("set1")
        rest.deploy("bot", secretSet="set1")
        credential = control_plane.issue_credential("bot")
        assert injected_environment(credential, tmp_path)["KEY"] == SECRET.encode()
        # The cache is there now; a bad certificate must not be papered over with it.
        control_plane.tls = Tls(*bad, authority.certificate)
        control_plane.restart()
        finished = inject(credential, tmp_path)
        assert_refused(finished, "secret-injector", "certificate", code=INJECTOR_FAILED)


def test_a_certificate_of_an_authority_nobody_named(tmp_path):
    authority, stranger = tls.Authority(tmp_path / "ca"), tls.Authority(tmp_path / "stranger")
    served = authority.server_certificate()
    with ControlPlane(tmp_path / "control-plane", tls=Tls(*served, authority.certificate)) as control_plane:
        control_plane.rest().deploy("bot")
        credential = with_identity(
            control_plane.issue_credential("bot"), ca=stranger.certificate.read_text()
        )
        finished = inject(credential, tmp_path)
        assert_refused(finished, "secret-injector", "certificate", code=INJECTOR_FAILED)


# Requests


def assert_json_error(answer, status):
    assert answer.status == status, answer.text
    assert answer.headers.get_content_type() == "application/json"
    assert answer.body["error"] and answer.body["code"] == str(status)
    assert "[" not in answer.body["error"] and SECRET not in answer.text


def test_an_unknown_set(rest):
    assert_json_error(rest.org("GET", "secrets/nothing"), 404)
    assert_json_error(rest.deploy("bot", secretSet="nothing"), 404)


def test_a_set_that_is_not_ready(rest):
    rest.org("PUT", "secrets/set1", {"name": "set1", "secretKey": "KEY", "secretValue": SECRET})
    answer = rest.deploy("bot", secretSet="set1")
    assert_json_error(answer, 409)
    assert answer.body["error"] == "Secret set 'set1' is not yet ready. Retry once it has been provisioned."


NO_JSON_OBJECT = {
    "empty": b"",
    "open brace": b"{",
    "null": b"null",
    "array": b"[]",
    "string": b'"text"',
    "two objects": b"{}{}",
    "no UTF-8": b"\xff\xfe",
    "too deep": b'{"secrets":' + b"[" * 5000,
    "cut in a value": b'{"secrets":[{"secretKey":"KEY","secretValue":"' + SECRET.encode(),
}


@pytest.mark.parametrize("raw", NO_JSON_OBJECT.values(), ids=NO_JSON_OBJECT.keys())
def test_a_body_that_is_no_json_object(rest, raw):
    assert_json_error(rest.org("PUT", "secrets/set1", raw=raw), 400)
    assert rest.org("GET", "secrets").body == {"sets": []}


UNUSABLE_PAIRS = {
    "no value": {"secretKey": "KEY"},
    "empty key": {"secretKey": "", "secretValue": "v"},
    "equals sign in the key": {"secretKey": "A=B", "secretValue": "v"},
    "empty value": {"secretKey": "KEY", "secretValue": ""},
    "NUL in the value": {"secretKey": "KEY", "secretValue": "nul\0inside"},
    "number as value": {"secretKey": "KEY", "secretValue": 7},
    "longer than an environment string": {"secretKey": "KEY", "secretValue": "x" * 131072},
}


@pytest.mark.parametrize("pair", UNUSABLE_PAIRS.values(), ids=UNUSABLE_PAIRS.keys())
def test_an_unusable_pair(rest, pair):
    answer = rest.org("PUT", "secrets/set1", {"secrets": [{"secretKey": "GOOD", "secretValue": SECRET}, pair]})
    assert_json_error(answer, 400)
    assert rest.org("GET", "secrets/set1").status == 404


def test_an_oversized_body(rest):
    answer = rest.org("PUT", "secrets/set1", raw=b'{"secretValue":"' + b"x" * (5 << 20) + b'"}')
    assert_json_error(answer, 413)
    assert rest.org("GET", "secrets").body == {"sets": []}


@pytest.mark.parametrize("token", [None, "", "pcc_pat_wrong", "x" * 10000], ids=["none", "empty", "wrong", "long"])
def test_a_wrong_token(control_plane, token):
    client = control_plane.rest()
    client.token = token
    assert_json_error(client.org("GET", "secrets"), 401)


@pytest.mark.parametrize("method, path", [("GET", "nothing"), ("PATCH", "secrets"), ("DELETE", "regions")])
def test_an_unknown_path_or_method(rest, method, path):
    answer = rest.org(method, path)
    assert answer.status in (404, 405)
    assert_json_error(answer, answer.status)


# Disks


@pytest.fixture
def small_disk(tmp_path):
    with mounted(tmp_path / "small", mebibytes=8) as path:
        yield path


def test_a_full_disk_loses_no_acknowledged_write(small_disk, tmp_path):
    with ControlPlane(small_disk / "control-plane") as control_plane:
        assert control_plane.data_dir.is_relative_to(small_disk)
        rest = control_plane.rest()
        acknowledged = {"FIRST": SECRET}
        assert rest.put_secrets("set1", **acknowledged).status == 202
        control_plane.wait_ready("set1")
        rest.deploy("bot", secretSet="set1")
        credential = control_plane.issue_credential("bot")

        filler = take_all_room(small_disk)
        refused = None
        for number in range(200):
            answer = rest.put_secrets("set1", **{f"KEY_{number}": "x" * 32768})
            if answer.status != 202:
                refused = answer
                break
            acknowledged[f"KEY_{number}"] = "x" * 32768
        assert refused is not None and refused.status in (500, 503, 507), refused
        assert_json_error(refused, refused.status)
        assert rest.org("GET", "secrets/set1").status == 200

        filler.unlink()
        assert rest.put_secrets("set1", LAST="1").status == 202
        acknowledged["LAST"] = "1"
        control_plane.wait_ready("set1", timeout=30)
        assert rest.redeploy("bot", secretSet="set1").status == 200
        environment = injected_environment(credential, tmp_path)
        assert {key: environment.get(key) for key in acknowledged} == {
            key: value.encode() for key, value in acknowledged.items()
        }


def test_the_bot_starts_although_the_cache_cannot_be_written(small_disk, credential):
    take_all_room(small_disk)
    (small_disk / "cache").mkdir(mode=0o700)
    (small_disk / "state").mkdir(mode=0o700)
    finished = inject(credential, small_disk, timeout=20)
    assert finished.returncode == 0, finished.stderr
    assert "cache" in finished.stderr


# Starting the control plane


def test_a_port_that_is_taken(tmp_path):
    with ControlPlane(tmp_path / "control-plane") as control_plane, socket.socket() as holder:
        control_plane.stop()
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        finished = control_plane.run("serve", "--listen", f"127.0.0.1:{port}", check=False)
        assert_refused(finished, "secret-control-plane", str(port))


def test_a_data_directory_that_is_in_use(control_plane, rest):
    rest.put_secrets("set1", KEY=SECRET)
    directory = str(control_plane.data_dir).lower()
    assert_refused(serve(control_plane), "secret-control-plane", directory)
    control_plane.wait_ready("set1")


def test_a_data_directory_that_a_newer_version_wrote(control_plane):
    control_plane.stop()
    databases = [path for path in control_plane.data_dir.rglob("*") if is_sqlite(path)]
    assert databases
    before = {path: path.read_bytes() for path in databases}
    for path in databases:
        pretend_newer(path)
    changed = {path: path.read_bytes() for path in databases}
    assert changed != before
    assert_refused(serve(control_plane), "secret-control-plane", "newer")
    assert {path: path.read_bytes() for path in databases} == changed


def is_sqlite(path):
    return path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"


def pretend_newer(path):
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=DELETE")
        database.execute("PRAGMA user_version=9999")
    database.close()


def test_a_data_directory_that_others_may_use_is_refused_by_every_command(tmp_path):
    with ControlPlane(tmp_path / "control-plane") as control_plane:
        control_plane.stop()
        data = control_plane.data_dir
        for path, mode, private in ((data, 0o777, 0o700), (data / "catalog.db", 0o666, 0o600),
                                    (data / "region-us-west.db", 0o640, 0o600), (data / "reserve", 0o644, 0o600)):
            path.chmod(mode)
            for finished in (serve(control_plane), control_plane.run("token", "list", check=False),
                             control_plane.run("fleet", check=False)):
                assert_refused(finished, "secret-control-plane", f"chmod {private:o} {str(path).lower()}")
            path.chmod(private)
        assert control_plane.run("token", "list").returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_takes_no_directory_of_another_user(tmp_path):
    never = ControlPlane(tmp_path / "never")
    never.directory.mkdir()
    never.data_dir.mkdir(mode=0o700)
    os.chown(never.data_dir, 12345, 12345)
    finished = never.run("init", "--organization", "acme", check=False)
    assert_refused(finished, "secret-control-plane", "belongs to user 12345")
    assert list(never.data_dir.iterdir()) == [] and not never.master_key_file.exists()


def test_a_data_directory_that_is_not_there(tmp_path):
    never = ControlPlane(tmp_path / "never")
    assert_refused(serve(never), "secret-control-plane")


def test_a_master_key_of_another_installation(tmp_path):
    with ControlPlane(tmp_path / "one") as one, ControlPlane(tmp_path / "two") as two:
        one.stop()
        one.master_key_file.write_bytes(two.master_key_file.read_bytes())
        assert_refused(serve(one), "secret-control-plane", "master key")


def test_a_second_init_changes_nothing(control_plane, rest):
    finished = control_plane.run("init", "--organization", "other", check=False)
    assert_refused(finished, "secret-control-plane")
    assert rest.org("GET", "secrets").status == 200
