#!/usr/bin/env python3
"""A stand-in for a voice bot: it reads its secrets from the environment at start, as any Pipecat
bot does, and serves what a container platform asks for. Standard library only, so that it is up in
no time; the real one is examples/bot.

    GET /readyz             what agent_secrets.readyz() says: 200, or 503 as $AGENT_SECRETS_UNREADY_WHEN
    GET /livez              {"pid": …}
    GET /hello              what GREETING was when this process started
    GET /environment-names  names of its environment variables, never a value

Environment: PORT (8080); GREETING; AGENT_SECRETS_STATE_DIR, where the sidecar leaves redeploy.json.
"""

import http.server
import json
import os
import pathlib
import signal
import sys
import threading

sys.dont_write_bytecode = True
# Not there in an image, which has the package.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "base-image"))

from agent_secrets import readyz  # noqa: E402

GREETING = os.environ.get("GREETING", "(no GREETING)")


def readiness():
    answer = readyz()
    return 200 if answer["ready"] else 503, answer


ROUTES = {
    "/readyz": readiness,
    "/livez": lambda: (200, {"pid": os.getpid()}),
    "/hello": lambda: (200, {"greeting": GREETING}),
    "/environment-names": lambda: (200, {"names": sorted(os.environ)}),
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = ROUTES.get(self.path, lambda: (404, {"error": "no such path"}))()
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def main():
    port = int(os.environ.get("PORT", "8080"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    # shutdown() waits for serve_forever(), which this very thread runs: hence another thread.
    stop = lambda *_: threading.Thread(target=server.shutdown).start()  # noqa: E731
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"bot: pid {os.getpid()} serves port {port}", file=sys.stderr, flush=True)
    server.serve_forever(poll_interval=0.05)
    server.server_close()


if __name__ == "__main__":
    main()
