"""Runs `secret-injector check` and `env` as in a container, against a control plane over TLS, and searches their output
for values."""

import contextlib
import datetime
import email.utils
import json
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support import canary, programs

VALUE = "sk-doctor-0123456789-canary"
DOTENV_VALUE = "sk-dotenv-0123456789-canary"
IMAGE_VALUE = "sk-image-0123456789-canary"


class Doctor:
    """An agent with one ready set behind a control plane over TLS, and a container to examine."""

    def __init__(self, directory, control_plane):
        self.control_plane = control_plane
        self.container = directory / "container"
        self.container.mkdir()
        (directory / "state").mkdir()
        self.state = directory / "state"
        self.credential = directory / "credential"
        self.issue()
        self.search = canary.Search({"value": VALUE, "dotenv": DOTENV_VALUE, "image": IMAGE_VALUE})

    def issue(self):
        self.write_credential(self.control_plane.issue_credential("bot"))

    def write_credential(self, text):
        self.credential.unlink(missing_ok=True)
        self.credential.write_text(text)
        self.credential.chmod(0o400)

    def run(self, action="check", *options, environment=None, stdout=subprocess.PIPE):
        """Runs an action, and checks that no value is in its output."""
        variables = programs.clean_environment(AGENT_SECRETS_CREDENTIAL_FILE=self.credential, **(environment or {}))
        finished = subprocess.run(
            [str(part) for part in (programs.injector_program(), action, *options)],
            env=variables, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True,
            timeout=20, cwd=self.container,
        )
        self.search.text((finished.stdout or "") + finished.stderr, f"{action} {options}")
        assert self.search.leaks == []
        return finished

    def check(self, *options, **more):
        return self.run("check", "--state-dir", self.state, *options, **more)

    def report(self, *options, **more):
        """(exit code, {step name: step}) of `check --json`."""
        finished = self.check("--json", *options, **more)
        document = json.loads(finished.stdout)
        assert document["exit_code"] == finished.returncode and finished.stderr == ""
        return finished.returncode, {step["name"]: step for step in document["steps"]}

    def fails_at(self, step, exit_code, *words, options=(), **more):
        code, steps = self.report(*options, **more)
        assert code == exit_code, steps
        assert list(steps)[-1] == step, steps
        assert [name for name, found in steps.items() if found["status"] == "failed"] == [step]
        for word in words:
            assert word in steps[step]["detail"], steps[step]
        assert steps[step]["hint"]
        return steps


def prepare(control_plane):
    rest = control_plane.rest()
    assert rest.put_secrets("voice", OPENAI_API_KEY=VALUE, DAILY_API_KEY=VALUE + "2").status == 202
    control_plane.wait_ready("voice")
    assert rest.deploy("bot", secretSet="voice").status == 200


class Stranger(BaseHTTPRequestHandler):
    """Answers each request with 401, and with a Date that is `ahead` of the time."""

    def do_GET(self):
        body = b'{"error": "no", "code": "unknown-key"}'
        date = datetime.datetime.now(datetime.timezone.utc) + self.server.ahead
        self.send_response_only(401)
        self.send_header("Date", email.utils.format_datetime(date, usegmt=True))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def stranger(certificate, key, seconds_ahead):
    """The base URL of a server over TLS whose clock is ahead."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.ahead = datetime.timedelta(seconds=seconds_ahead)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
