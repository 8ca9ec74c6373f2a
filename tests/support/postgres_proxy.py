"""A proxy in front of a PostgreSQL server on a Unix socket, which causes faults of connections:
`with PostgresProxy(socket_of_the_server) as proxy: …`. Use `proxy.directory` as `host` in place of the server's.

- Notifications are never delivered: LISTEN succeeds, but no notification arrives, as with PgBouncer in transaction mode
  (https://www.pgbouncer.org/features.html). `dropped` counts the notifications.
- `lose_answers(n)`: the next n connections that send COMMIT are closed after the server has answered, and the client
  does not get the answer.
- `statements`: the transactions that have passed (support/postgres_statements.py).

The formats of messages: https://www.postgresql.org/docs/15/protocol-message-formats.html."""

import contextlib
import pathlib
import socket
import struct
import tempfile
import threading

from support.postgres_statements import StatementLog

NOTIFICATION = b"A"


def receive_exactly(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("the server has ended the connection")
        data += part
    return data


class PostgresProxy:
    def __init__(self, server_socket):
        self.dropped = 0
        self.answers_to_lose = 0
        self.statements = StatementLog()
        self._server_socket = str(server_socket)
        self._directory = tempfile.TemporaryDirectory(prefix="agent-secrets-proxy.", dir="/tmp")
        self.directory = pathlib.Path(self._directory.name)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.directory / pathlib.Path(server_socket).name))

    def __enter__(self):
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()
        self._directory.cleanup()

    def _accept(self):
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server_socket)
                commits = threading.Event()
                threading.Thread(target=self._pass_requests, args=(client, server, commits), daemon=True).start()
                threading.Thread(target=self._pass_answers, args=(server, client, commits), daemon=True).start()

    def lose_answers(self, count):
        self.answers_to_lose = count

    def _pass_requests(self, client, server, commits):
        statements = self.statements.connection()
        with contextlib.suppress(OSError), client, server:
            while data := client.recv(65536):
                statements.add(data)
                if self.answers_to_lose > 0 and b"COMMIT\0" in data:
                    self.answers_to_lose -= 1
                    commits.set()
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)

    def _pass_answers(self, server, client, commits):
        with contextlib.suppress(OSError), client, server:
            while True:
                kind = receive_exactly(server, 1)
                if kind in b"NS" and not self._is_message(server):  # the answer to SSLRequest, GSSENCRequest
                    client.sendall(kind)
                    continue
                size = receive_exactly(server, 4)
                body = receive_exactly(server, struct.unpack("!I", size)[0] - 4)
                if commits.is_set():
                    client.shutdown(socket.SHUT_RDWR)
                    return
                if kind == NOTIFICATION:
                    self.dropped += 1
                else:
                    client.sendall(kind + size + body)

    @staticmethod
    def _is_message(server):
        """Whether a length follows. The answer to a request for encryption is a single letter without a length."""
        server.settimeout(0.2)
        try:
            return len(server.recv(4, socket.MSG_PEEK)) == 4
        except TimeoutError:
            return False
        finally:
            server.settimeout(None)
