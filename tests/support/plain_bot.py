#!/usr/bin/env python3
"""A stand-in for a voice bot: it reads its secrets from the environment at start, as any Pipecat
bot does, and serves what a container platform asks for. Standard library only.

    GET /readyz             200, or 503 while a redeploy is needed (see below)
    GET /livez              {"pid": …}
    GET /hello              what GREETING was when this process started
    GET /environment-names  names of its environment variables, never a value

Environment: PORT (8080); GREETING; with BOT_UNREADY_ON_REDEPLOY=1, /readyz answers 503 while
secret-sidecar's redeploy.json lies in AGENT_SECRETS_STATE_DIR, so that no new call is routed here.
"""

import http.server
import json
import os
import pathlib
import signal
import sys
import threading

GREETING = os.environ.get("GREETING", "(no GREETING)")


def redeploy_needed():
    if os.environ.get("BOT_UNREADY_ON_REDEPLOY") != "1":
        return False
    state_dir = os.environ.get("AGENT_SECRETS_STATE_DIR", "/run/agent-secrets")
    return (pathlib.Path(state_dir) / "redeploy.json").exists()


def readyz():
    if redeploy_needed():
        return 503, {"status": "redeploy needed"}
    return 200, {"status": "ok"}


ROUTES = {
    "/readyz": readyz,
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
    server = http.server.ThreadingHTTPServer(("", port), Handler)
    # shutdown() waits for serve_forever(), which this very thread runs: hence another thread.
    stop = lambda *_: threading.Thread(target=server.shutdown).start()  # noqa: E731
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"bot: pid {os.getpid()} serves port {port}", file=sys.stderr, flush=True)
    server.serve_forever(poll_interval=0.05)
    server.server_close()


if __name__ == "__main__":
    main()
