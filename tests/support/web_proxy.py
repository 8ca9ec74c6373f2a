"""A proxy between a browser and a control plane over TLS. It adds a report endpoint to the policy of the page and keeps
the reports; on demand it drops an answer after the server has acted, or answers an error itself."""

import http.client
import http.server
import json
import ssl

from support.loopback_server import LoopbackServer

REPORT_PATH = "/csp-report"
NOT_FORWARDED = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class WebProxy(LoopbackServer):
    """`with WebProxy(control_plane) as proxy: Browser(proxy.url)`."""

    def __init__(self, control_plane):
        self._port = control_plane.port
        self._trust = ssl.create_default_context(cafile=control_plane.tls.ca)
        self._faults = []  # (method, end of the path, status or None), each used once
        self.reports = []
        super().__init__(self._handler())

    def cut(self, method, path_end):
        """The next matching request reaches the server, and the connection breaks before the answer."""
        self._faults.append((method, path_end, None))

    def fail(self, method, path_end, status):
        """The next matching request does not reach the server, and is answered with this status."""
        self._faults.append((method, path_end, status))

    def _fault(self, method, path):
        for fault in self._faults:
            if fault[0] == method and path.split("?")[0].endswith(fault[1]):
                self._faults.remove(fault)
                return fault
        return None

    def _forward(self, method, path, body, headers):
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=60, context=self._trust)
        try:
            connection.request(method, path, body or None, {**dict(headers), "Connection": "close"})
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def _handler(proxy):  # noqa: N805  (the handler class needs both selves)
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.close_connection = True
                if self.path == REPORT_PATH:
                    proxy.reports.append(json.loads(body)["csp-report"]["effective-directive"])
                    return self.reply(204, [], b"")
                fault = proxy._fault(self.command, self.path)
                if fault and fault[2]:
                    return self.reply(fault[2], [("Content-Type", "application/json")], b'{"error": "The disk broke."}')
                try:
                    answer = proxy._forward(self.command, self.path, body, self.headers)
                except OSError:
                    return None
                return None if fault else self.reply(*answer)

            def reply(self, status, headers, body):
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() in NOT_FORWARDED:
                        continue
                    policy = f"; report-uri {REPORT_PATH}" if name.lower() == "content-security-policy" else ""
                    self.send_header(name, value + policy)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

            do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = handle_any

        return Handler
