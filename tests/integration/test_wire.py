"""What the official CLI would take for success must never leave the server: an empty error, one without JSON, a dropped
connection. Broken, oversized and unfinished requests over raw sockets, real TLS, and what the answers have to be."""

import contextlib
import json
import resource
import socket
import ssl
import threading

import pytest

from support import tls
from support.control_plane import ControlPlane, Tls
from support.wait import wait_for

MIB = 1024 * 1024
TOO_LARGE = 4 * MIB + 1
ORG = "/v1/organizations/acme/secrets"
REST = "/v1/secrets"
NAMES = {400: "GENERIC_BAD_REQUEST", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "CONTENT_TOO_LARGE",
         431: "HEADER_TOO_LARGE"}


class Wire:
    """Raw TLS connections to one control plane."""

    def __init__(self, control_plane):
        self.control_plane = control_plane
        self._context = ssl.create_default_context(cafile=control_plane.tls.ca)

    @contextlib.contextmanager
    def connected(self):
        with socket.create_connection(("127.0.0.1", self.control_plane.port), timeout=10) as plain, \
                self._context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
            yield secure

    def head(self, method, target, *fields, version="1.1"):
        """A request's head, with host and token."""
        lines = [f"{method} {target} HTTP/{version}", "Host: 127.0.0.1",
                 f"Authorization: Bearer {self.control_plane.token}", "Content-Type: application/json", *fields]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"

    def answer(self, *pieces):
        """Sends the pieces whatever comes back meanwhile, and parses the one answer."""
        with self.connected() as connection:
            for piece in pieces:
                connection.sendall(piece)
            return read_answer(connection.makefile("rb"))

    def put(self, target, body, *fields):
        return self.answer(self.head("PUT", target, f"Content-Length: {len(body)}", *fields) + body)


def read_answer(stream, method="GET"):
    """(status, headers, body bytes) of the next answer on the connection."""
    line = stream.readline()
    assert line.startswith(b"HTTP/1."), f"no answer but {line!r}"
    status, headers = int(line.split()[1]), {}
    while (line := stream.readline().strip()):
        name, value = line.decode().split(":", 1)
        headers[name.lower()] = value.strip()
    length = 0 if method == "HEAD" or status == 100 else int(headers["content-length"])
    return status, headers, stream.read(length)


def assert_error(answer, status, target=ORG):
    """An error that no client takes for success, with the code of the path's family."""
    got, headers, body = answer
    assert got == status, body
    assert headers["content-type"] == "application/json"
    error = json.loads(body)
    assert error["error"] and isinstance(error["error"], str)
    assert error["code"] == (str(status) if target.startswith("/v1/organizations") else NAMES[status])
    assert b"[" not in body and b"]" not in body


@pytest.fixture(scope="module")
def wire(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wire")
    authority = tls.Authority(directory / "authority")
    certificate, key = authority.server_certificate()
    with ControlPlane(directory / "control-plane", tls=Tls(certificate, key, authority.certificate)) as running:
        yield Wire(running)


@pytest.fixture(params=[ORG, REST])
def family(request):
    return request.param


def set_names(wire):
    return [entry["name"] for entry in wire.control_plane.rest().org("GET", "secrets").body["sets"]]


# Too large


def test_an_oversized_body_is_answered_after_all_of_it_was_sent(wire, family):
    assert_error(wire.put(f"{family}/large", bytes(TOO_LARGE)), 413, family)


def test_a_client_that_sends_on_for_long_gets_its_413(wire, family):
    head = wire.head("PUT", f"{family}/large", f"Content-Length: {32 * MIB}")
    assert_error(wire.answer(head, *[bytes(MIB)] * 32), 413, family)


def test_a_chunked_body_that_grows_too_large(wire, family):
    chunk = b"100000\r\n" + bytes(MIB) + b"\r\n"
    head = wire.head("PUT", f"{family}/large", "Transfer-Encoding: chunked")
    assert_error(wire.answer(head, *[chunk] * 5, b"0\r\n\r\n"), 413, family)


def test_an_oversized_body_is_refused_in_place_of_100_continue(wire, family):
    head = wire.head("PUT", f"{family}/large", f"Content-Length: {TOO_LARGE}", "Expect: 100-continue")
    assert_error(wire.answer(head), 413, family)


def test_100_continue_then_the_answer(wire, family):
    body = b"{"
    with wire.connected() as connection:
        connection.sendall(wire.head("PUT", f"{family}/set1", "Content-Length: 1", "Expect: 100-continue"))
        stream = connection.makefile("rb")
        assert read_answer(stream)[0] == 100
        connection.sendall(body)
        assert_error(read_answer(stream), 400, family)


def test_an_oversized_header(wire, family):
    assert_error(wire.answer(wire.head("GET", family, "X-Long: " + "x" * 40_000)), 431, family)


def test_thousands_of_header_fields(wire, family):
    assert_error(wire.answer(wire.head("GET", family, *(f"X-{n}: {n}" for n in range(5000)))), 431, family)


# Broken


@pytest.mark.parametrize("field", [
    "Content-Length: +3", "Content-Length: -3", "Content-Length: 3, 4", "Content-Length: 3\r\nContent-Length: 4",
    "Content-Length: 99999999999999999999999", "Content-Length: three", "Content-Length: 3\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 3", "Bad Name: 1", "Folded: 1\r\n 2\r\nnothing",
])
def test_a_length_or_field_that_two_readers_could_read_in_two_ways(wire, family, field):
    assert_error(wire.answer(wire.head("PUT", f"{family}/set1", field) + b"{}\n"), 400, family)


@pytest.mark.parametrize("size", ["x", "-1", "+1", "0x1", "fffffffffffffffff"])
def test_a_bad_chunk_size(wire, family, size):
    head = wire.head("PUT", f"{family}/set1", "Transfer-Encoding: chunked")
    status, headers, body = wire.answer(head + size.encode() + b"\r\n{}\r\n0\r\n\r\n")
    assert status in (400, 413)
    assert_error((status, headers, body), status, family)


@pytest.mark.parametrize("path", ["/%zz", "/%4", "/a%00b", "/..", "/%2e%2e", "/a/../b"])
def test_a_path_that_cannot_be_decoded(wire, family, path):
    assert_error(wire.answer(wire.head("GET", family + path)), 400, family)


def test_an_escaped_slash_is_a_part_of_the_name(wire, family):
    assert_error(wire.answer(wire.head("GET", f"{family}/a%2Fb")), 404, family)
    body = b'{"secrets":[{"secretKey":"A","secretValue":"1"}]}'
    assert_error(wire.put(f"{family}/a%2Fb", body), 400, family)


def test_an_unknown_path(wire, family):
    assert_error(wire.answer(wire.head("GET", f"{family}/a/b/c/d")), 404, family)


@pytest.mark.parametrize("method", ["PATCH", "OPTIONS", "TRACE", "BREW"])
def test_a_method_that_is_not_served_names_those_that_are(wire, family, method):
    answer = wire.answer(wire.head(method, family, "Content-Length: 0"))
    assert answer[0] in (400, 405)
    assert_error(answer, answer[0], family)
    assert answer[0] == 400 or "GET" in answer[1]["allow"]


def test_head_has_no_body_and_the_connection_goes_on(wire, family):
    with wire.connected() as connection:
        connection.sendall(wire.head("HEAD", family) + wire.head("GET", family))
        stream = connection.makefile("rb")
        status, headers, _ = read_answer(stream, "HEAD")
        assert status == 200 and int(headers["content-length"]) > 0
        assert read_answer(stream)[0] == 200


@pytest.mark.parametrize("body", [
    b"", b"{", b"null", b"[]", b'"text"', b"{}", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe",
    b'{"secrets":[{"secretKey":"A","secretValue":"\xff"}]}',
    b'{"secrets":[{"secretKey":"A","secretValue":"a\\u0000b"}]}',
    b'{"secrets":[{"secretKey":"A","secretValue":"1"}]} more',
    b'{"secrets":[{"secretKey":"A","secretValue":"\\ud800"}]}',
    b'{"secrets":[{"secretKey":"[A]","secretValue":"1"}]}',
], ids=lambda body: body[:12].decode("latin-1") + str(len(body)))
def test_a_body_that_is_no_request(wire, family, body):
    assert_error(wire.put(f"{family}/broken", body), 400, family)
    assert "broken" not in set_names(wire)


def test_of_a_member_given_twice_the_last_counts(wire, family):
    name = "twice-" + str(len(family))
    first, last = (b'"secrets":[{"secretKey":"%s","secretValue":"1"}]' % key for key in (b"A", b"B"))
    assert wire.put(f"{family}/{name}", b"{" + first + b"," + last + b"}")[0] == 202
    keys = wire.control_plane.rest().org("GET", f"secrets/{name}").body["secrets"]
    assert [entry["fieldName"] for entry in keys] == ["B"]


def test_what_is_no_http(wire):
    status, headers, body = wire.answer(b"HELO example\r\n\r\n")
    assert (status, headers["content-type"]) == (400, "application/json")
    assert json.loads(body)["code"] == "400"


# Unusual


def test_slashes_before_the_path_are_one(wire, family):
    assert wire.answer(wire.head("GET", "/" + family))[0] == 200


def test_http_1_0_is_answered_and_closed(wire, family):
    with wire.connected() as connection:
        connection.sendall(wire.head("GET", family, version="1.0"))
        stream = connection.makefile("rb")
        assert read_answer(stream)[0] == 200
        assert stream.read() == b""


def test_pipelined_requests_are_answered_in_order(wire, family):
    with wire.connected() as connection:
        connection.sendall(b"".join(wire.head("GET", target) for target in (family, f"{family}/none", family)))
        stream = connection.makefile("rb")
        assert [read_answer(stream)[0] for _ in range(3)] == [200, 404, 200]


def test_a_body_cut_off_stores_nothing(wire, family):
    body = b'{"secrets":[{"secretKey":"A","secretValue":"1"}]}'
    with wire.connected() as connection:
        connection.sendall(wire.head("PUT", f"{family}/cut-off", f"Content-Length: {len(body) + 1}") + body)
    assert "cut-off" not in set_names(wire)


def test_garbage_in_place_of_tls_harms_nobody(wire, family):
    with socket.create_connection(("127.0.0.1", wire.control_plane.port), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(1000))
        with contextlib.suppress(ConnectionError):
            while plain.recv(4096):
                pass
    assert wire.answer(wire.head("GET", family))[0] == 200


# Stopping, and a full disk


def test_writes_during_a_stop_are_acknowledged_and_kept_or_refused(tmp_path):
    with ControlPlane(tmp_path / "control-plane") as control_plane:
        acknowledged, refused, stopped = [], [], threading.Event()

        def write(worker):
            rest = control_plane.rest()
            for number in range(10_000):
                key = f"KEY_{worker}_{number}"
                try:
                    answer = rest.org("PUT", "secrets/set1", {"secretKey": key, "secretValue": "1"})
                except OSError:
                    if stopped.is_set():
                        return  # nobody listens any more
                    raise
                if answer.status != 202:
                    refused.append(answer)
                    return
                acknowledged.append(key)

        writers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
        for writer in writers:
            writer.start()
        wait_for(lambda: len(acknowledged) > 20, what="the first writes")
        stopped.set()
        assert control_plane.stop() == 0
        for writer in writers:
            writer.join(10)
        assert all(answer.status == 503 and answer.body["error"] and answer.body["code"] for answer in refused)
        control_plane.start()
        kept = control_plane.rest().org("GET", "secrets/set1").body["secrets"]
        assert set(acknowledged) <= {entry["fieldName"] for entry in kept}


def test_a_disk_that_fills_up_is_a_507_that_stores_nothing_and_passes(tmp_path):
    with ControlPlane(tmp_path / "control-plane") as control_plane:
        rest = control_plane.rest()
        assert rest.put_secrets("set1", BEFORE="1").status == 202
        control_plane.wait_ready("set1")
        largest = max(path.stat().st_size for path in control_plane.data_dir.glob("*.db*"))
        pid = control_plane.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
        answer = rest.put_secrets("set1", **{f"BIG_{number}": "x" * 100_000 for number in range(8)})
        assert answer.status == 507
        assert answer.body["error"] and answer.body["code"] == "507"
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        assert rest.put_secrets("set1", AFTER="1").status == 202
        keys = rest.org("GET", "secrets/set1").body["secrets"]
        assert {entry["fieldName"] for entry in keys} == {"BEFORE", "AFTER"}
        control_plane.wait_ready("set1")
        assert control_plane.stop() == 0
