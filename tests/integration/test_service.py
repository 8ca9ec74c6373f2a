"""The control plane as a service: probes, metrics, several sockets, systemd's protocols, stop and reload."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from support import postgresql, programs
from support.control_plane import ControlPlane, Tls
from support.misbehaving_server import Server
from support.rest import Rest
from support.tls import Authority
from support.wait import wait_for


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


def get(connection, path, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def stranger(plane):
    return Rest(plane.url, None, plane.organization, plane.tls and plane.tls.ca)


@pytest.fixture
def short():
    """The name of a Unix socket has at most 107 bytes; tmp_path may be longer."""
    with tempfile.TemporaryDirectory(prefix="agent-secrets.", dir="/tmp") as path:
        yield path


# Probes


@contextlib.contextmanager
def locked(url, table):
    """Every statement that uses the table waits, as on a server whose disk hangs."""
    command = ["psql", "--no-psqlrc", "--quiet", "--dbname", url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
        session.stdin.write(f"BEGIN; LOCK TABLE {table}; SELECT 'locked';\n")
        session.stdin.flush()
        while "locked" not in session.stdout.readline():
            pass
        yield
        session.stdin.close()


def test_a_server_whose_database_hangs_is_alive_and_not_ready(tmp_path):
    url = postgresql.new_database()
    try:
        with ControlPlane(tmp_path, database=url) as plane:
            probe = stranger(plane)
            assert probe.request("GET", "/readyz").status == 200
            with locked(url, '"agent-secrets-catalog".regions'):
                refused = wait_for(lambda: (answer := probe.request("GET", "/readyz")).status == 503 and answer, 30,
                                   "the server not being ready")
                assert refused.body["checks"]["catalog"] == "The catalog cannot be read"
                assert "test_" not in refused.text  # the name of the database
                assert probe.request("GET", "/readyz?exclude=catalog").status == 200
                assert probe.request("GET", "/livez").body == {"alive": True}
            wait_for(lambda: probe.request("GET", "/readyz").status == 200, 60, "the server being ready again")
    finally:
        postgresql.drop_database(url)


def test_probes_need_no_token_and_name_each_check(control_plane):
    probe = stranger(control_plane)
    assert probe.request("GET", "/livez").body == {"alive": True}
    ready = probe.request("GET", "/readyz")
    assert ready.status == 200
    assert ready.body == {"ready": True, "checks": dict.fromkeys(["catalog", "schema", "regions", "provisioning"], "ok")}
    assert ready.headers["Cache-Control"] == "no-store"


# Metrics


def test_metrics_count_requests_by_route_and_have_no_name_of_a_client(control_plane):
    rest = control_plane.rest()
    assert rest.put_secrets("canary-set", CANARY="value-canary-1234").status == 202
    assert rest.org("GET", "secrets/canary-set").status == 200
    assert rest.request("GET", "/v1/nowhere/canary-path").status == 404
    text = rest.request("GET", "/metrics").text
    count = "agent_secrets_http_request_duration_seconds_count"
    assert f'{count}{{method="PUT",route="/v1/organizations/{{org}}/secrets/{{set}}",status="2xx"}} 1\n' in text
    assert f'{count}{{method="other",route="none",status="4xx"}} 1\n' in text
    for canary in ("canary-set", "canary-path", "value-canary", "CANARY", control_plane.token):
        assert canary not in text
    assert 'agent_secrets_provisioner_active{region="us-west"} 1' in text
    (lag,) = re.findall(r'^agent_secrets_provisioning_lag_seconds\{region="us-west"\} (\S+)$', text, re.M)
    assert float(lag) < 30


def test_a_client_that_makes_up_paths_adds_no_series(control_plane):
    rest = control_plane.rest()

    def series():
        return {line.rpartition(" ")[0] for line in rest.request("GET", "/metrics").text.splitlines() if line[:1] != "#"}

    rest.request("GET", "/made/up/0")
    series()
    before = series()
    for number in range(1, 50):
        rest.request("GET", f"/made/up/{number}")
    assert series() == before


# Sockets


def test_a_server_answers_at_each_of_its_addresses_and_paths(tmp_path, short):
    second = programs.free_port()
    options = ["--listen", f"127.0.0.1:{second}", "--listen", f"unix:{short}/api.sock", "--socket-mode", "0660"]
    with ControlPlane(tmp_path, serve_options=options) as plane:
        token = plane.token
        assert get(http.client.HTTPConnection("127.0.0.1", second), "/v1/secrets", token)[0] == 200
        assert get(UnixConnection(f"{short}/api.sock"), "/v1/secrets", token)[0] == 200
        assert plane.rest().request("GET", "/v1/secrets").status == 200
        assert os.stat(f"{short}/api.sock").st_mode & 0o777 == 0o660
        urls = [line["url"] for line in plane.logged("listening", count=3)]
        assert urls == [plane.url, f"http://127.0.0.1:{second}", f"unix:{short}/api.sock"]
        assert plane.stop() == 0
        assert not os.path.exists(f"{short}/api.sock")


def test_the_socket_of_a_killed_server_is_replaced_and_that_of_a_running_one_is_not(tmp_path, short):
    options = ["--listen", f"unix:{short}/api.sock"]
    with ControlPlane(tmp_path / "one", serve_options=options) as one, ControlPlane(tmp_path / "two") as two:
        refused = two.run("serve", "--listen", f"unix:{short}/api.sock", check=False)
        assert refused.returncode == 1
        one.kill()
        assert os.path.exists(f"{short}/api.sock")
        one.start()
        assert get(UnixConnection(f"{short}/api.sock"), "/livez")[0] == 200


def test_a_socket_in_a_directory_of_everyone_is_refused(tmp_path):
    with ControlPlane(tmp_path) as plane:
        plane.stop()
        refused = plane.run("serve", "--listen", f"unix:/tmp/agent-secrets-{os.getpid()}.sock", check=False)
        assert refused.returncode == 1 and "other users may write" in refused.stderr
        assert "\nhint: " in refused.stderr


def test_a_unix_socket_is_plain_beside_tls(tmp_path, short):
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.server_certificate("first")
    with ControlPlane(tmp_path / "plane", tls=Tls(certificate, key, authority.certificate),
                      serve_options=["--listen", f"unix:{short}/api.sock"]) as plane:
        assert get(UnixConnection(f"{short}/api.sock"), "/livez")[0] == 200
        assert plane.rest().request("GET", "/livez").status == 200
        text = plane.rest().request("GET", "/metrics").text
        (end,) = re.findall(r"^agent_secrets_tls_certificate_not_after_timestamp_seconds (\S+)$", text, re.M)
        assert float(end) > time.time()


def healthcheck(*arguments):
    return subprocess.run([programs.control_plane_program(), "healthcheck", *arguments], capture_output=True, text=True,
                          timeout=30, env=programs.clean_environment())


def test_the_health_check_asks_a_server_at_its_unix_socket_whatever_its_certificate(tmp_path, short):
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.server_certificate("elsewhere", addresses=("DNS:secrets.example.com",))
    path = f"unix:{short}/api.sock"
    plane = ControlPlane(tmp_path / "plane", tls=Tls(certificate, key, authority.certificate), serve_options=["--listen", path])
    with plane:
        for live in ([], ["--live"]):
            assert healthcheck(path, *live).returncode == 0
        with_tls = healthcheck(f"127.0.0.1:{plane.port}")
        assert with_tls.returncode == 1 and "\nhint: a server with TLS is asked at a Unix socket" in with_tls.stderr
        plane.stop()
        stopped = healthcheck(path)
        assert stopped.returncode == 1 and f"error: {path}: connect: " in stopped.stderr


def test_the_health_check_shows_why_a_server_is_not_ready(tmp_path):
    refused = healthcheck("127.0.0.1")
    assert refused.returncode == 1 and "is not HOST:PORT or unix:PATH" in refused.stderr

    def unready(connection):
        connection.read_request()
        connection.answer(503, b'{"error":"Region eu cannot be opened"}')

    with Server(unready) as server:
        shown = healthcheck(f"127.0.0.1:{server.port}")
    assert shown.returncode == 1 and '503 {"error":"Region eu cannot be opened"}' in shown.stderr


# systemd


class Activated(ControlPlane):
    """Started with sockets as systemd starts it."""

    def __init__(self, directory, sockets, **more):
        super().__init__(directory, **more)
        self.sockets = sockets

    def start(self):
        count = len(self.sockets)
        descriptors = [each.fileno() for each in self.sockets]

        def place():
            # systemd passes them as 3, 4, … without close-on-exec.
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, 100 + number)
            for number in range(count):
                os.dup2(100 + number, 3 + number)

        script = f'LISTEN_PID=$$ LISTEN_FDS={count} exec "$@"'
        seen = self.log_path.stat().st_size if self.log_path.exists() else 0
        command = ["sh", "-c", script, "sh", *self.command("serve", "--public-url", self.public_url, *self.serve_options)]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, env=programs.clean_environment(AGENT_SECRETS_LOG="json", **self.environment),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=place,
                pass_fds=range(3, 3 + count))
        wait_for(lambda: self._listening(seen), what="the control plane's start")


@contextlib.contextmanager
def listening(family, address):
    with socket.socket(family) as made:
        made.bind(address)
        made.listen()
        yield made


def test_sockets_of_the_service_manager_are_used_and_a_deploy_command_does_not_get_them(tmp_path, short):
    seen = tmp_path / "seen"
    command = f"{{ env; ls -l /proc/self/fd; }} > {seen}.new; mv {seen}.new {seen}"
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as tcp, listening(socket.AF_UNIX, f"{short}/api.sock") as path:
        with Activated(tmp_path / "plane", [tcp, path], serve_options=["--on-deploy", command]) as plane:
            plane.url = f"http://127.0.0.1:{tcp.getsockname()[1]}"
            assert stranger(plane).request("GET", "/livez").status == 200
            assert get(UnixConnection(f"{short}/api.sock"), "/livez")[0] == 200
            urls = [line["url"] for line in plane.logged("listening", count=2)]
            assert len(urls) == 2 and urls[0] == plane.url, "the default address is not used besides"
            plane.rest().deploy("bot")
            wait_for(seen.exists, 20, "the deploy command")
            assert "LISTEN_" not in seen.read_text()
            for each in (tcp, path):
                assert f"socket:[{os.fstat(each.fileno()).st_ino}]" not in seen.read_text()
            assert plane.stop() == 0
            assert os.path.exists(f"{short}/api.sock"), "the service manager's file is not ours"


class Notified:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(20)

    def next(self):
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def until(self, name):
        for _ in range(1000):
            message = self.next()
            if name in message:
                return message
        raise AssertionError(name)


def test_the_service_manager_hears_of_the_start_a_reload_and_the_stop(tmp_path, short):
    manager = Notified(f"{short}/notify")
    with ControlPlane(tmp_path, environment={"NOTIFY_SOCKET": manager.path}) as plane:
        # init was run with the variable too, and says nothing
        ready = manager.next()
        assert ready["READY"] == "1" and plane.url in ready["STATUS"]
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        plane.process.send_signal(signal.SIGHUP)
        reloading = manager.next()
        assert reloading["RELOADING"] == "1" and int(reloading["MONOTONIC_USEC"]) >= before
        assert manager.next()["READY"] == "1"
        plane.process.send_signal(signal.SIGTERM)
        assert manager.next()["STOPPING"] == "1"
        assert plane.process.wait(20) == 0


def test_the_watchdog_hears_of_a_server_until_it_stands_still(tmp_path, short):
    manager = Notified(f"{short}/notify")
    with ControlPlane(tmp_path, environment={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "400000"}) as plane:
        for _ in range(3):
            manager.until("WATCHDOG")
        plane.process.send_signal(signal.SIGSTOP)
        manager.socket.settimeout(3)
        with pytest.raises(TimeoutError):
            for _ in range(100):
                manager.until("WATCHDOG")
        plane.process.send_signal(signal.SIGCONT)
        manager.socket.settimeout(20)
        manager.until("WATCHDOG")


# Stop


def test_a_stop_answers_a_request_that_is_arriving(tmp_path):
    with ControlPlane(tmp_path) as plane:
        body = json.dumps({"secrets": [{"secretKey": "A", "secretValue": "1"}]}).encode()
        arriving = socket.create_connection(("127.0.0.1", plane.port), timeout=20)
        arriving.sendall(f"PUT /v1/secrets/late HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {plane.token}\r\n"
                         f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        assert arriving.recv(4096).startswith(b"HTTP/1.1 100 ")
        plane.process.send_signal(signal.SIGTERM)
        wait_for(lambda: any(line["message"] == "stopping" for line in plane.log_lines()), what="the stop")
        arriving.sendall(body)
        assert arriving.recv(4096).startswith(b"HTTP/1.1 202 ")
        arriving.close()
        assert plane.process.wait(20) == 0
        plane.start()
        assert plane.rest().set_status("late") is not None


# Reload


def logged_requests(plane):
    return sum(line["message"] == "request" for line in plane.log_lines())


def test_the_log_level_is_read_again(tmp_path):
    level = tmp_path / "level"
    level.write_text("info\n")
    with ControlPlane(tmp_path / "plane", serve_options=["--log-level-file", str(level)]) as plane:
        plane.rest().request("GET", "/v1/secrets")
        wait_for(lambda: logged_requests(plane) == 1, what="the line of a request")
        level.write_text("warning\n")
        plane.process.send_signal(signal.SIGHUP)
        wait_for(lambda: is_quiet(plane), 20, "the level")
        level.write_text("loud\n")
        plane.process.send_signal(signal.SIGHUP)
        wait_for(lambda: any("the log level could not be read again" in line["message"] for line in plane.log_lines()),
                 what="the refusal of a wrong word")
        level.write_text("info\n")
        plane.process.send_signal(signal.SIGHUP)
        before = logged_requests(plane)
        wait_for(lambda: (plane.rest().request("GET", "/livez"), logged_requests(plane) > before)[1], 20,
                 "the line of a request")


def is_quiet(plane):
    """Twenty requests leave no line."""
    before = logged_requests(plane)
    for _ in range(20):
        plane.rest().request("GET", "/v1/secrets")
    return logged_requests(plane) == before


def test_a_log_level_that_does_not_exist_is_refused_at_the_start(tmp_path):
    with ControlPlane(tmp_path) as plane:
        plane.stop()
        (tmp_path / "level").write_text("loud")
        refused = plane.run("serve", "--log-level-file", str(tmp_path / "level"), check=False)
        assert refused.returncode == 1 and "has 'loud'" in refused.stderr
