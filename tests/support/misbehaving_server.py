"""Servers on loopback, each with one fault, on real sockets, plain or TLS.

A behaviour is a function of a Connection; it runs in a separate thread for every accepted connection. The
connection is closed when it returns, so there is one request for each connection. `Server(behaviour)` listens
as long as its `with` block lasts.
"""

import base64
import contextlib
import email.utils
import json
import socket
import ssl
import struct
import threading
import time

from support import programs, protocol


class Connection:
    """One accepted connection. Errors of reads and writes after the client has disconnected are ignored: they
    are not the fault under test."""

    def __init__(self, server, sock):
        self.server = server
        self.sock = sock
        self.request = ""  # the head of the last request

    def read_request(self):
        """Reads up to the blank line."""
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = self.sock.recv(65536)
            if not chunk:
                raise ConnectionError("the client has gone")
            head += chunk
        self.request = head.decode("latin-1")
        self.server.requests.append(self.request)
        return self.request

    def proof(self):
        """The claims of the request's proof."""
        for line in self.request.splitlines():
            if line.lower().startswith("authorization: agentproof "):
                return json.loads(protocol.unb64(line.split()[2].split(".")[1]))
        raise AssertionError("the request carries no proof")

    def bundle(self, **changed):
        """A good bundle for the request, with the given changes."""
        nonce = changed.pop("nonce", None) or self.proof()["jti"]
        return self.server.scene.bundle(nonce, **changed).encode()

    def send(self, data):
        self.sock.sendall(data)

    def answer(self, status=200, body=b"", *, version="HTTP/1.1", reason="Because", length=None, **headers):
        """Sends a whole answer; `length` gives a false Content-Length. Header names are written with underscores."""
        self.send(head(status, len(body) if length is None else length, version, reason, headers) + body)

    def drip(self, data, interval):
        """Sends one byte at a time, until the client or the server closes."""
        for byte in data:
            self.send(bytes([byte]))
            if self.server.closing.wait(interval):
                return

    def hold(self):
        """Sends nothing until the client or the server closes."""
        self.sock.settimeout(0.05)
        while not self.server.closing.is_set():
            try:
                if not self.sock.recv(65536):
                    return
            except (TimeoutError, ssl.SSLWantReadError):
                continue

    def reset(self):
        """Closes with RST in place of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def head(status, length, version="HTTP/1.1", reason="Because", headers=None):
    """Status line and header. With `length` None there is no Content-Length."""
    fields = {"Date": email.utils.formatdate(usegmt=True), "Connection": "close"}
    if length is not None:
        fields["Content-Length"] = length
    fields |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
    lines = [f"{version} {status} {reason}", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Server:
    """`tls` is (certificate file, key file). Connection.bundle() gets its bundles from `scene`."""

    def __init__(self, behaviour, *, tls=None, scene=None, address="127.0.0.1"):
        self.behaviour = behaviour
        self.scene = scene
        self.requests = []
        self.connections = 0
        self.closing = threading.Event()
        self._context = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*tls)
        self._listener = socket.create_server((address, 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.authority = f"{address}:{self.port}"

    def url(self, scheme="http", host=None):
        return f"{scheme}://{host or '127.0.0.1'}:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        # shutdown() wakes the accept() of the other thread; close() alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while not self.closing.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with contextlib.suppress(OSError, ValueError):  # ssl.SSLError is an OSError
            if self._context:
                sock.settimeout(10)
                sock = self._context.wrap_socket(sock, server_side=True)
            connection = Connection(self, sock)
            with connection.sock:
                self.behaviour(connection)


def refused_authority():
    """HOST:PORT where no process listens."""
    return f"127.0.0.1:{programs.free_port()}"


# Before the first byte of an answer

def silent(connection):
    connection.hold()


def closes_at_once(_):
    pass


def closes_after_the_request(connection):
    connection.read_request()


def resets(connection):
    connection.read_request()
    connection.reset()


def plain_http(connection):
    connection.sock.recv(65536)  # the ClientHello
    connection.answer(400)


def tls_alert(connection):
    connection.sock.recv(65536)  # the ClientHello
    connection.send(b"\x15\x03\x03\x00\x02\x02\x28")  # fatal, handshake_failure (RFC 8446 section 6)


# Answers

def good(connection):
    connection.read_request()
    connection.answer(body=connection.bundle(), Content_Type="application/jose")


def says(status=200, body=b"", **options):
    """Sends the same answer to every request."""
    def behave(connection):
        connection.read_request()
        connection.answer(status, body, **options)
    return behave


def explains(status, code, sentence="no", **headers):
    """A refusal in the instance API's form."""
    body = json.dumps({"error": sentence, "code": code}).encode()
    return says(status, body, Content_Type="application/json", **headers)


def sends(raw):
    """Answers a request with these bytes, then closes the connection."""
    def behave(connection):
        connection.read_request()
        connection.send(raw)
    return behave


def bundles(change=None, **options):
    """A 200 with a bundle. `change` returns another body; `members` replaces members of the payload."""
    members = options.pop("members", {})

    def behave(connection):
        connection.read_request()
        body = connection.bundle(**members)
        connection.answer(body=change(body) if change else body,
                          **{"Content_Type": "application/jose"} | options)
    return behave


def in_turn(*behaviours):
    """The first connection gets the first behaviour, and so on; further connections get the last behaviour."""
    def behave(connection):
        number = min(connection.server.connections, len(behaviours)) - 1
        behaviours[number](connection)
    return behave


# Slow answers

def drips_header(connection):
    connection.read_request()
    # The first line arrives within half a second; libcurl 8.14 treats it as the beginning of an answer.
    connection.drip(head(200, 10, headers={"Content-Type": "application/jose"}) * 100, 0.02)


def drips_body(connection):
    connection.read_request()
    body = connection.bundle()
    connection.send(head(200, len(body), headers={"Content-Type": "application/jose"}))
    connection.drip(body, 0.1)


def stalls_in_the_body(connection):
    connection.read_request()
    body = connection.bundle()
    connection.send(head(200, len(body), headers={"Content-Type": "application/jose"}) + body[:100])
    connection.hold()


def interim_answers_without_end(connection):
    connection.read_request()
    while not connection.server.closing.is_set():
        connection.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)
        time.sleep(0.01)


# Incomplete answers

def truncates_the_body(connection):
    connection.read_request()
    body = connection.bundle()
    connection.answer(body=body[:-100], length=len(body), Content_Type="application/jose")


def chunked(body, end=b"0\r\n\r\n"):
    middle = len(body) // 2
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:middle], body[middle:]))
    return head(200, None, headers={"Content-Type": "application/jose",
                                    "Transfer-Encoding": "chunked"}) + chunks + end


def sends_chunks(end=b"0\r\n\r\n"):
    def behave(connection):
        connection.read_request()
        connection.send(chunked(connection.bundle(), end))
    return behave


# Proxies

class Proxy(Server):
    """A CONNECT proxy. `routes` maps HOST:PORT to the port on loopback for the connection; with `refuses` it
    answers this status and does not connect; `wants` is the user:password that it requires."""

    def __init__(self, routes=None, refuses=None, wants=None):
        super().__init__(self._proxy)
        self._routes = routes or {}
        self._refuses = refuses
        self._wants = wants

    def _proxy(self, connection):
        request = connection.read_request()
        target = request.split()[1]
        if self._refuses:
            return connection.answer(self._refuses, b"no\n")
        if self._wants and base64.b64encode(self._wants.encode()).decode() not in request:
            return connection.answer(407, b"who are you?\n", Proxy_Authenticate='Basic realm="way out"')
        with socket.create_connection(("127.0.0.1", self._routes[target])) as upstream:
            connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(upstream, connection.sock), daemon=True)
            back.start()
            pump(connection.sock, upstream)
            back.join()


def pump(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
