"""python3 -m agent_secrets.health: the container is healthy while its bot answers."""

import http.server
import subprocess
import sys
import threading

import pytest
from support import programs


@pytest.fixture
def bot():
    """Starts a server that answers every request with one status; its port."""
    servers = []

    def start(status):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        servers.append(http.server.HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}).start()
        return servers[-1].server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def health(port, state_dir):
    return subprocess.run(
        [sys.executable, "-B", "-m", "agent_secrets.health"],
        env={"PORT": str(port), "PYTHONPATH": str(programs.ROOT / "base-image"), "AGENT_SECRETS_STATE_DIR": str(state_dir)},
        capture_output=True, text=True, timeout=20,
    )


@pytest.mark.parametrize(("status", "code"), [(200, 0), (404, 0), (500, 1)])
def test_a_bot_that_answers_is_healthy(bot, state_dir, status, code):
    assert health(bot(status), state_dir).returncode == code


def test_a_needed_redeploy_is_printed_and_is_no_failure(bot, flag, state_dir, running_sidecar):
    flag("stale")
    finished = health(bot(200), state_dir)
    assert (finished.returncode, finished.stdout) == (0, "bot: up; sidecar: up; redeploy: stale\n")


def test_a_bot_that_is_gone_is_unhealthy(state_dir):
    finished = health(programs.free_port(), state_dir)
    assert finished.returncode == 1
    assert finished.stdout == "bot: does not answer; sidecar: absent; redeploy: not needed\n"
