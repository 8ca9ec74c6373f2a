"""Which statements a program sends to PostgreSQL, and in how many round trips: `StatementLog` reads what a client sends
(support/postgres_proxy.py). A transaction is what one connection sends from BEGIN to COMMIT or ROLLBACK. A round trip is
a Sync message: after it the program waits for the answers. The Sync after ROLLBACK alone is none, because the program
does not wait for that answer.

The formats of messages: https://www.postgresql.org/docs/15/protocol-message-formats.html."""

import dataclasses
import struct
import threading

PARSE, BIND, EXECUTE, SYNC = b"P", b"B", b"E", b"S"


@dataclasses.dataclass
class Transaction:
    statements: list = dataclasses.field(default_factory=list)  # their texts, BEGIN and COMMIT included
    round_trips: int = 0

    def has(self, text):
        return any(text in statement for statement in self.statements)


class StatementLog:
    """The ended transactions of all connections."""

    def __init__(self):
        self._lock = threading.Lock()
        self._ended = []

    def connection(self):
        return Connection(self._add)

    def _add(self, transaction):
        with self._lock:
            self._ended.append(transaction)

    def take(self):
        """The transactions that have ended since the last call."""
        with self._lock:
            ended, self._ended = self._ended, []
        return ended


class Connection:
    """What the client of one connection sends."""

    def __init__(self, ended):
        self._ended = ended
        self._bytes = b""
        self._is_new = True  # the first message has no type
        self._texts = {}  # of prepared statements
        self._bound = None
        self._transaction = Transaction()

    def add(self, data):
        self._bytes += data
        while True:
            header = 4 if self._is_new else 5
            if len(self._bytes) < header:
                return
            size = struct.unpack_from("!I", self._bytes, header - 4)[0] + header - 4
            if len(self._bytes) < size:
                return
            message, self._bytes = self._bytes[:size], self._bytes[size:]
            if not self._is_new:
                self._take(message[:1], message[5:])
            self._is_new = False

    def _take(self, kind, body):
        if kind == PARSE:
            name, text = body.split(b"\0")[:2]
            self._texts[name] = text.decode()
        elif kind == BIND:
            _portal, name = body.split(b"\0")[:2]
            self._bound = self._texts[name]
        elif kind == EXECUTE:
            self._transaction.statements.append(self._bound)
        elif kind == SYNC:
            self._sync()

    def _sync(self):
        transaction = self._transaction
        last = transaction.statements[-1] if transaction.statements else None
        transaction.round_trips += last != "ROLLBACK"
        if last in ("COMMIT", "ROLLBACK"):
            self._transaction = Transaction()
            self._ended(transaction)
