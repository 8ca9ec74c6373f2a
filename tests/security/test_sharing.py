"""Strangers and greedy clients cannot take resources from others, over real sockets, without timing bounds."""

import contextlib
import json
import socket

import pytest

from support import protocol
from support.control_plane import ControlPlane
from support.protocol import BUNDLE, WATCH
from support.wait import wait_for

CONNECTIONS = 40
FAILURES_PER_MINUTE = 60


@pytest.fixture
def control_plane(tmp_path):
    options = ["--max-connections", str(CONNECTIONS)]
    with ControlPlane(tmp_path / "control-plane", serve_options=options) as running:
        rest = running.rest()
        assert rest.put_secrets("bot-secrets", OWNER="for-bot").status == 202
        running.wait_ready("bot-secrets")
        assert rest.deploy("bot", secretSet="bot-secrets").status == 200
        yield running


@pytest.fixture
def credential(control_plane):
    return protocol.Credential.parse(control_plane.issue_credential("bot"))


def connect(control_plane, stack):
    return stack.enter_context(socket.create_connection(("127.0.0.1", control_plane.port), timeout=30))


def ask(control_plane, stack, head, body=b""):
    """Sends a request and does not read the answer."""
    connection = connect(control_plane, stack)
    connection.sendall("\r\n".join([*head, "Host: a", "", ""]).encode() + body)
    return connection


def first_line(connection):
    return connection.makefile("rb").readline().decode()


def put(token, *fields):
    return ["PUT /v1/organizations/acme/secrets/promised HTTP/1.1", f"Authorization: Bearer {token}", *fields]


def counter(control_plane, name):
    text = control_plane.rest().request("GET", "/metrics").text
    return int(next(line.split()[-1] for line in text.splitlines() if line.startswith(name)))


@pytest.mark.parametrize("framing", ["Content-Length: 4194304", "Transfer-Encoding: chunked"])
def test_writes_go_on_while_64_strangers_promise_bodies(control_plane, framing):
    with contextlib.ExitStack() as stack:
        for _ in range(64):
            ask(control_plane, stack, put("pcc_pat_wrong", framing))
        for number in range(10):
            assert control_plane.rest().put_secrets("written", KEY=str(number)).status == 202


def test_a_stranger_hears_401_in_place_of_100_continue(control_plane):
    with contextlib.ExitStack() as stack:
        asked = ask(control_plane, stack, put("wrong", "Expect: 100-continue", "Content-Length: 4194304"))
        assert first_line(asked).startswith("HTTP/1.1 401 ")
        asked = ask(control_plane, stack,
                    put(control_plane.token, "Expect: 100-continue", "Content-Length: 4194304"))
        assert first_line(asked) == "HTTP/1.1 100 Continue\r\n"


def test_idle_strangers_that_hold_every_connection_make_room(control_plane, credential):
    with contextlib.ExitStack() as stack:
        for _ in range(3 * CONNECTIONS):
            connect(control_plane, stack)
        assert control_plane.rest().put_secrets("written", KEY="value").status == 202
        assert protocol.fetch_bundle(credential).status == 200
        assert counter(control_plane, 'agent_secrets_http_refusals_total{reason="connections"}') > 0


def test_one_credentials_long_polls_leave_connections_for_others(control_plane, credential):
    rest = control_plane.rest()
    tag = protocol.watch(credential).headers["etag"]
    poll = [f"GET {WATCH} HTTP/1.1", f"Authorization: {protocol.proof(credential, WATCH)}",
            f"If-None-Match: {tag}", "Prefer: wait=50"]
    with contextlib.ExitStack() as stack:
        parked = [ask(control_plane, stack, poll) for _ in range(2 * CONNECTIONS)]
        refusals = 'agent_secrets_http_refusals_total{reason="watches"}'
        wait_for(lambda: counter(control_plane, refusals) > 0, what="a poll beyond the share")
        assert rest.put_secrets("written", KEY="value").status == 202
        assert protocol.fetch_bundle(credential).status == 200
        beyond = protocol.get(credential.url, WATCH, protocol.proof(credential, WATCH),
                              **{"If-None-Match": tag, "Prefer": "wait=50"})
        assert beyond.status == 429 and int(beyond.headers["retry-after"]) > 0
        assert set(beyond.json) == {"error", "code"}
        del parked


def test_wrong_tokens_are_throttled_and_logged_and_the_right_one_gets_through(control_plane):
    wrong = control_plane.rest(token="pcc_pat_wrong")
    statuses = [wrong.org("GET", "secrets").status for _ in range(FAILURES_PER_MINUTE + 5)]
    assert statuses == [401] * FAILURES_PER_MINUTE + [429] * 5
    throttled = wrong.org("GET", "secrets")
    assert 0 < int(throttled.headers["Retry-After"]) <= 60
    assert throttled.body["code"] == "429" and throttled.body["error"]
    assert control_plane.rest().org("GET", "secrets").status == 200
    told = control_plane.logged("authentication failed")
    assert len(told) == 1 and told[0]["address"] == "127.0.0.1"
    assert "pcc_pat_wrong" not in control_plane.log_path.read_text()
    assert counter(control_plane, "agent_secrets_failed_authentications_total") == len(statuses) + 1


def test_bad_proofs_for_a_key_id_are_throttled_and_its_owner_gets_through(control_plane, credential):
    broken = protocol.proof(credential, BUNDLE)[:-8] + "AAAAAAAA"
    statuses = [protocol.get(credential.url, BUNDLE, broken).status for _ in range(FAILURES_PER_MINUTE + 1)]
    assert statuses == [401] * FAILURES_PER_MINUTE + [429]
    assert protocol.fetch_bundle(credential).status == 200
    assert control_plane.logged_at("authentication failed", kid=credential.identity["kid"])


def test_a_skewed_clock_is_never_throttled(control_plane, credential):
    skewed = protocol.proof(credential, BUNDLE, iat=1)
    for _ in range(FAILURES_PER_MINUTE + 5):
        answer = protocol.get(credential.url, BUNDLE, skewed)
        assert answer.status == 401 and answer.json["code"] == "clock-skew"


@pytest.mark.parametrize("coding", ["xchunked", "identity", "chunked, identity", '"chunked"', "gzip, chunked"])
def test_an_unknown_transfer_coding_does_not_hide_a_second_request(control_plane, coding):
    second = (f"GET /v1/organizations/acme/secrets HTTP/1.1\r\nHost: a\r\n"
              f"Authorization: Bearer {control_plane.token}\r\n\r\n").encode()
    with contextlib.ExitStack() as stack:
        head = put(control_plane.token, f"Transfer-Encoding: {coding}")
        answer = ask(control_plane, stack, head, second).makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1 ") == 1


def test_a_token_in_a_trailer_is_no_token(control_plane):
    body = json.dumps({"secrets": [{"secretKey": "K", "secretValue": "v"}]}).encode()
    chunks = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n"
    chunks += f"Authorization: Bearer {control_plane.token}\r\n\r\n".encode()
    head = ["PUT /v1/organizations/acme/secrets/trailer HTTP/1.1", "Transfer-Encoding: chunked"]
    with contextlib.ExitStack() as stack:
        assert first_line(ask(control_plane, stack, head, chunks)).startswith("HTTP/1.1 401 ")
    assert control_plane.rest().set_status("trailer") is None
