"""What rarely used parts of libcurl do for the injector is still in the published files."""

import email.utils
import http.server
import json
import os
import platform
import subprocess
import threading
import time

import pytest

from support import programs, protocol

NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
HOURS = 3 * 3600
pytestmark = pytest.mark.skipif(
    NATIVE not in os.environ.get("AGENT_SECRETS_ARCHITECTURES", NATIVE).split(), reason=f"there is no release for {NATIVE} here"
)


class Refusing(http.server.BaseHTTPRequestHandler):
    """Keeps requests. A proxy that leads nowhere, and a control plane whose clock is ahead."""

    def do_CONNECT(self):
        self.server.seen.append(self.requestline)
        self.send_error(502)

    def do_GET(self):
        self.server.seen.append(self.headers["Authorization"])
        body = json.dumps({"error": "the clocks differ", "code": "clock-skew"}).encode()
        self.send_response_only(401)
        self.send_header("Date", email.utils.formatdate(time.time() + HOURS, usegmt=True))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as listening:
        listening.seen = []
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


@pytest.fixture
def credential_for(control_plane, rest):
    rest.put_secrets("bot-secrets", KEY="value")
    control_plane.wait_ready("bot-secrets")
    assert rest.deploy("bot", secretSet="bot-secrets").status == 200
    return lambda url: control_plane.run("credential", "issue", "bot", "--url", url).stdout.strip()


def launch(credential, **environment):
    injector = programs.ROOT / "dist" / NATIVE / "secret-injector"
    return subprocess.run(
        [injector, "--timeout", "2s", "--", "/bin/true"],
        env={"AGENT_SECRETS_CREDENTIAL": credential, **environment}, capture_output=True, text=True, timeout=30,
    )


def test_the_time_of_an_answer_is_read(server, credential_for):
    finished = launch(credential_for(f"http://127.0.0.1:{server.server_port}"))
    assert finished.returncode == 125
    issued = [json.loads(protocol.unb64(proof.split(" ")[1].split(".")[1]))["iat"] for proof in server.seen]
    assert len(issued) == 2
    assert abs(issued[1] - issued[0] - HOURS) < 60


def test_a_proxy_is_used(server, credential_for):
    finished = launch(credential_for("https://control-plane.test:8443"), https_proxy=f"http://127.0.0.1:{server.server_port}")
    assert finished.returncode == 125
    assert set(server.seen) == {"CONNECT control-plane.test:8443 HTTP/1.1"}
