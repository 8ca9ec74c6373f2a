"""A server that says that it is PostgreSQL 14: as much of the protocol as a client needs to connect.

postgresql.org/docs/15/protocol-message-formats.html
"""

import socket
import struct
import threading


def message(kind, payload):
    return kind + struct.pack("!I", len(payload) + 4) + payload


def status(name, value):
    return message(b"S", name.encode() + b"\0" + value.encode() + b"\0")


GREETING = b"".join((
    message(b"R", struct.pack("!I", 0)),  # authenticated
    status("server_version", "14.9"), status("client_encoding", "UTF8"), status("in_hot_standby", "off"),
    status("default_transaction_read_only", "off"), status("standard_conforming_strings", "on"),
    message(b"K", struct.pack("!II", 1, 1)),  # for cancellations
    message(b"Z", b"I"),  # ready
))


class OldPostgres:
    """`with OldPostgres(directory) as url: …`, on a Unix socket in the directory, whose path has to be short."""

    def __init__(self, directory):
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(directory / ".s.PGSQL.5432"))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._url = f"postgresql://me@/db?host={directory}"

    def __enter__(self):
        self._thread.start()
        return self._url

    def __exit__(self, *_):
        self._listener.close()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                client.recv(4096)  # the start-up message
                client.sendall(GREETING)
                client.recv(4096)  # the end
