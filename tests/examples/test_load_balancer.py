"""examples/compose/haproxy.cfg, run by a real HAProxy in front of real servers with TLS, and of misbehaving servers."""

import concurrent.futures
import contextlib
import re
import shutil
import signal
import subprocess

import pytest
from support import load_balancer, programs, protocol
from support.control_plane import Tls
from support.load_balancer import LoadBalancer
from support.misbehaving_server import Server
from support.replicas import Replicas
from support.rest import Rest
from support.tls import Authority
from support.wait import wait_for


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("authority"))
    return Tls(*authority.server_certificate(), authority.certificate)


@pytest.fixture
def replicas(tmp_path, tls):
    with Replicas(tmp_path / "control-plane", 2, tls=tls) as running:
        yield running


# The configuration file


def check(file):
    """The exit code of HAProxy's check of a configuration."""
    return subprocess.run([load_balancer.program(), "-c", "-f", file], capture_output=True, timeout=30).returncode


def test_haproxy_accepts_the_file_and_finds_a_mistake(tmp_path, tls):
    bundle = tmp_path / "server.pem"
    shutil.copy(tls.certificate, bundle)
    shutil.copy(tls.key, f"{bundle}.key")
    file = tmp_path / "haproxy.cfg"
    # The whole file, with certificates that exist.
    text = load_balancer.EXAMPLE.read_text().replace("/run/secrets/server.pem", str(bundle))
    text = text.replace("/run/secrets/ca.pem", str(tls.ca))
    file.write_text(text)
    assert check(file) == 0
    file.write_text(load_balancer.exchange(text, "http-request disable-l7-retry", "http-request disable-l8-retry"))
    assert check(file) != 0


def test_a_long_poll_fits_into_the_time_limits():
    limits = (programs.ROOT / "core" / "limits.h").read_text()
    longest = int(re.search(r"kWatchWaitMax\{(\d+)\}", limits)[1])
    text = load_balancer.EXAMPLE.read_text()
    for side in ("client", "server"):
        assert int(re.search(rf"^    timeout {side} (\d+)s$", text, re.MULTILINE)[1]) >= longest + 20


# In front of real servers


def agent(replicas):
    """Deploys an agent with a set, and returns a credential of the agent."""
    rest = replicas.rest()
    assert rest.put_secrets("set1", GREETING="hello").status == 202
    replicas.wait_ready("set1", 30)
    assert rest.deploy("bot", secretSet="set1").status == 200
    return protocol.Credential.parse(replicas.issue_credential("bot"))


def test_requests_go_to_each_server_in_turn_and_succeed_when_one_server_is_stopped(replicas):
    rest = replicas.rest()
    for _ in range(4):
        assert rest.org("GET", "secrets").status == 200
    assert replicas.balancer.servers_used() == {0, 1}
    assert replicas.servers[0].stop() == 0
    assert [rest.put_secrets("set1", A=str(number)).status for number in range(6)] == 6 * [202]


POLLS = 4


def poll(credential, tls, number, **headers):
    proof = protocol.proof(credential, protocol.WATCH, running_sequence=1, instance=f"host-{number}")
    return protocol.get(credential.url, protocol.WATCH, proof, tls.ca, **headers)


def test_a_long_poll_outlives_the_end_of_its_server(replicas, tls):
    credential = agent(replicas)
    rest = replicas.rest()
    tag = poll(credential, tls, 0).headers["etag"]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        polls = [pool.submit(poll, credential, tls, number, If_None_Match=tag, Prefer="wait=45")
                 for number in range(POLLS)]
        # The instance of a poll is counted when the poll is parked.
        wait_for(lambda: rest.org("GET", "services/bot/instances").body["instanceCount"] == POLLS, 20, "the polls")
        replicas.servers[1].kill()
        wait_for(lambda: "number1 is DOWN" in replicas.balancer.log(), 30, "the load balancer detecting it")
        assert not any(each.done() for each in polls)
        assert rest.put_secrets("set1", GREETING="bonjour").status == 202
        answers = [each.result(60) for each in polls]
    assert [(answer.status, answer.json["state"]) for answer in answers] == POLLS * [(200, "stale")]
    assert re.search(r" GET /instance/v1/watch 200 \S+ \+?[1-3] ", replicas.balancer.log()), "no poll was repeated"


def test_a_server_that_hangs_gets_no_requests_until_it_continues(replicas):
    rest = replicas.rest()
    hanging = replicas.servers[0].process
    hanging.send_signal(signal.SIGSTOP)
    try:
        wait_for(lambda: "number0 is DOWN" in replicas.balancer.log(), 30, "the load balancer detecting it")
        for _ in range(4):
            assert rest.org("GET", "secrets").status == 200
    finally:
        hanging.send_signal(signal.SIGCONT)
    wait_for(lambda: "number0 is UP" in replicas.balancer.log(), 30, "the load balancer using it again")


def test_without_a_ready_server_the_answer_is_an_error_of_the_api_and_says_when_to_try_again(replicas):
    for server in replicas.servers:
        server.kill()
    refused = replicas.rest().org("GET", "secrets")
    assert refused.status == 503 and refused.headers["Retry-After"] == "2"
    assert refused.headers["Content-Type"] == "application/json" and refused.body == {"error": "No server is ready"}
    replicas.servers[0].start()
    wait_for(lambda: replicas.rest().org("GET", "secrets").status == 200, 30, "the requests being answered again")


def test_a_server_with_a_certificate_of_another_authority_gets_no_request(replicas, tmp_path):
    other = Authority(tmp_path / "other")
    server = replicas.servers[0]
    server.stop()
    seen = len(server.log_lines())
    server.tls = Tls(*other.server_certificate(), other.certificate)
    server.start()
    rest = replicas.rest()
    assert [rest.org("GET", "secrets").status for _ in range(6)] == 6 * [200]
    wait_for(lambda: "number0 is DOWN" in replicas.balancer.log(), 30, "the load balancer refusing it")
    assert [line for line in server.log_lines()[seen:] if "/v1/" in line.get("route", "")] == []


# In front of servers that close the connection before they answer


@contextlib.contextmanager
def before(tmp_path, *servers):
    """The URL of a load balancer in front of misbehaving servers."""
    port = programs.free_port()
    balancer = LoadBalancer(tmp_path, port, [server.port for server in servers])
    balancer.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        balancer.stop()


def ready_or(act):
    """A behaviour that answers the load balancer's health checks, and calls `act` for all other requests."""
    def behave(connection):
        if connection.read_request().startswith("GET /readyz?"):
            connection.answer(200, b"{}")
        else:
            act(connection)
    return behave


def requests_of(server, method):
    return [each for each in server.requests if each.startswith(f"{method} /v1/")]


@pytest.mark.parametrize("method, status, attempts", [("GET", 200, 1), ("PUT", 502, 0), ("POST", 502, 0)])
def test_only_a_request_that_changes_nothing_goes_to_a_second_server(method, status, attempts, tmp_path):
    answering = ready_or(lambda connection: connection.answer(200, b"{}"))
    with Server(ready_or(lambda connection: None)) as dying, Server(answering) as good:
        with before(tmp_path, dying, good) as url:
            rest = Rest(url, "token", "acme")
            # Round robin: one of the two requests goes first to the server that closes the connection.
            answers = [rest.org(method, "secrets").status for _ in range(2)]
    assert sorted(answers) == sorted([200, status])
    assert len(requests_of(dying, method)) >= 1
    assert len(requests_of(good, method)) == 1 + attempts
