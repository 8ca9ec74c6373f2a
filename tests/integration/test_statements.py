"""What one write costs on PostgreSQL, without timing: its statements and its round trips to the database
(docs/decisions/0047). A statement or a round trip that is added to the write of a secret fails here."""

import http.client
import itertools
import json
import socket
import urllib.parse

import pytest

from support import postgresql
from support.control_plane import ControlPlane
from support.postgres_proxy import PostgresProxy

READS_TOKENS = "FROM tokens"
READS_VALUES = "set_values"
RECORDS = "INSERT INTO audit"
REPEAT = 3  # a write may share its transaction with a write of another thread of the server: the cheapest counts


class Writer:
    """Writes keys of one set over one connection, as a program does that keeps its connection."""

    def __init__(self, control_plane, statements):
        self._control_plane = control_plane
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(control_plane.url).netloc, timeout=30)
        self._connection.connect()
        self._statements = statements
        self._numbers = itertools.count()

    def write(self, pairs, one_by_one=False):
        """Returns the transactions that have ended since the last call."""
        secrets = [{"secretKey": key, "secretValue": value} for key, value in pairs.items()]
        body = secrets[0] if one_by_one else {"secrets": secrets}
        headers = {"Authorization": f"Bearer {self._control_plane.token}", "Content-Type": "application/json"}
        # Header and body in one segment: a request whose body arrives later is authenticated twice
        # (docs/decisions/0049-one-authentication.md).
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        self._connection.request("PUT", "/v1/organizations/acme/secrets/bot-secrets", json.dumps(body), headers)
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 202
        return self._statements.take()

    def cheapest(self, keys, value=None, before=None):
        """The authentications and the write with the fewest statements together, of some writes of `keys`. A `#` in
        a key or a value is replaced by a number. On a busy machine the authentication of the request before the
        write may end late, and count for the write."""
        found = []
        for _ in range(REPEAT):
            number = str(next(self._numbers))
            (before or self.wait_ready)()
            self._statements.take()
            ended = self.write({key.replace("#", number): (value or "value #").replace("#", number) for key in keys})
            authentications = [each for each in ended if each.has(READS_TOKENS)]
            found += [(authentications, each) for each in ended if each.has(RECORDS) and each.has(READS_VALUES)]
        return min(found, key=lambda pair: sum(len(each.statements) for each in (*pair[0], pair[1])))

    def wait_ready(self):
        self._control_plane.wait_ready("bot-secrets")


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    url = postgresql.new_database()
    directory = url.partition("host=")[2]
    with PostgresProxy(f"{directory}/.s.PGSQL.5432") as proxy:
        through = url.replace(directory, str(proxy.directory))
        with ControlPlane(tmp_path_factory.mktemp("statements"), database=through) as control_plane:
            writer = Writer(control_plane, proxy.statements)
            writer.write({"FIRST": "1"})
            yield writer
    postgresql.drop_database(url)


def check(transaction, statements, round_trips):
    assert transaction.round_trips <= round_trips, transaction
    assert len(transaction.statements) <= statements, transaction


def test_a_write_is_authenticated_once_in_one_round_trip(writer):
    authentications, _ = writer.cheapest(["FIRST"])
    assert len(authentications) == 1, authentications
    check(authentications[0], statements=5, round_trips=1)


def test_the_value_of_an_existing_key_is_replaced_in_two_round_trips(writer):
    _, write = writer.cheapest(["FIRST"])
    check(write, statements=13, round_trips=2)


def test_a_value_that_was_never_ready_is_replaced_by_one_statement_less(writer):
    _, write = writer.cheapest(["FIRST"], before=lambda: writer.write({"FIRST": "pending"}, one_by_one=True))
    check(write, statements=12, round_trips=2)


def test_a_new_key_is_written_in_two_round_trips(writer):
    _, write = writer.cheapest(["NEW_#"])
    check(write, statements=12, round_trips=2)


def test_a_write_of_many_keys_reads_them_in_one_statement(writer):
    keys = [f"KEY_{number}" for number in range(50)]
    _, write = writer.cheapest([f"{key}_#" for key in keys])
    check(write, statements=11 + len(keys), round_trips=2)
    writer.write(dict.fromkeys(keys, "first"))
    _, write = writer.cheapest(keys)
    check(write, statements=11 + 2 * len(keys), round_trips=2)


def test_a_write_that_changes_nothing_only_writes_its_record(writer):
    writer.write({"FIRST": "the same"})
    _, write = writer.cheapest(["FIRST"], value="the same")
    check(write, statements=10, round_trips=2)


def test_a_stream_of_writes_makes_other_threads_write_little(writer):
    """The provisioner, the keeper of the audit log and others write beside the writes, not once for each write. They
    do so some times a second, however many writes there are. How often they read depends on that time too, so reads
    are not counted."""
    ended = []
    for number in range(200):
        ended += writer.write({"FIRST": f"one of many {number}"}, one_by_one=True)
    changing = [each for each in ended if "READ WRITE" in each.statements[0] and each.statements[-1] == "COMMIT"]
    writes = [each for each in changing if each.has(RECORDS) and each.has(READS_VALUES)]
    assert len(writes) == 200
    assert len(changing) - len(writes) < len(writes) / 2
