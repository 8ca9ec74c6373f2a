"""A proxy between a client and the control plane: it records every request. On demand it answers a request
itself, or drops the connection after the server has answered."""

import http.client
import http.server
import json
import threading
import urllib.parse

from support.loopback_server import LoopbackServer


class RecordingProxy(LoopbackServer):
    def __init__(self, upstream):
        self._upstream = urllib.parse.urlsplit(upstream).netloc
        self._lock = threading.Lock()
        self._requests = []  # (method, path, parsed body or None)
        self._faults = []  # (method, path suffix, "cut", "pass", an answer or a function), each used once
        super().__init__(self._handler())

    def requests(self):
        """"METHOD path" of every request so far, the organization's prefix cut off."""
        with self._lock:
            return [f"{method} {short(path)}" for method, path, _ in self._requests]

    def bodies(self, method):
        with self._lock:
            return [body for seen, _, body in self._requests if seen == method]

    def forget(self):
        with self._lock:
            self._requests.clear()

    def cut_answer(self, method, path_suffix):
        """The next matching request reaches the server, but its answer does not reach the client."""
        self._add_fault(method, path_suffix, "cut")

    def after(self, method, path_suffix, action):
        """Calls a function after the server has answered the next matching request and before the client gets
        the answer."""
        self._add_fault(method, path_suffix, action)

    def answer(self, method, path_suffix, status, body, skip=0):
        """The next matching request (after skipping `skip` of them) gets this answer and does not reach the server."""
        for _ in range(skip):
            self._add_fault(method, path_suffix, "pass")
        self._add_fault(method, path_suffix, (status, json.dumps(body).encode()))

    def _add_fault(self, method, path_suffix, fault):
        with self._lock:
            self._faults.append((method, path_suffix, fault))

    def _record(self, method, path, body):
        with self._lock:
            try:
                self._requests.append((method, path, json.loads(body)))
            except ValueError:
                self._requests.append((method, path, None))
            for entry in self._faults:
                if entry[0] == method and path.endswith(entry[1]):
                    self._faults.remove(entry)
                    return entry[2]
        return "pass"

    def _forward(self, method, path, body, headers):
        connection = http.client.HTTPConnection(self._upstream, timeout=60)
        try:
            connection.request(method, path, body or None, dict(headers))
            response = connection.getresponse()
            return response.status, response.getheader("Content-Type"), response.read()
        finally:
            connection.close()

    def _handler(proxy):  # noqa: N805  (the handler class needs both selves)
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 64 * 1024  # header and body in one piece, as the server sends them

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fault = proxy._record(self.command, self.path, body)
                self.close_connection = True
                if isinstance(fault, tuple):
                    return self.reply(fault[0], "application/json", fault[1])
                try:
                    answer = proxy._forward(self.command, self.path, body, self.headers)
                except OSError:
                    return None  # as if the server itself had dropped the connection
                if callable(fault):
                    fault()
                return None if fault == "cut" else self.reply(*answer)

            def reply(self, status, content_type, body):
                self.send_response(status)
                if content_type:
                    self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

            do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = handle_any

        return Handler


def short(path):
    """`/v1/organizations/acme/secrets/a` -> `secrets/a`; other paths stay whole."""
    parts = path.split("/", 4)
    return parts[4] if path.startswith("/v1/organizations/") and len(parts) == 5 else path
