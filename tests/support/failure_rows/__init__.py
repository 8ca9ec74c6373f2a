"""The failure matrix of secret-injector, as data: docs/failures.md is made of these rows, and
tests/integration/test_failures.py runs every one of them. Each module has the rows of one subject; the order here is
the order of the page."""

from support.failure_rows import answers, connection, routes, start
from support.failure_rows.cache import CACHE_ROWS
from support.failure_rows.row import AT_DEADLINE, NETWORK, NOW, WITHIN_PATIENCE, CacheRow, Fails, Row, Starts
from support.failure_rows.routes import PROXY

SECTIONS = connection.SECTIONS | answers.SECTIONS | routes.SECTIONS | start.SECTIONS
ROWS = [row for rows in SECTIONS.values() for row in rows]

# Message and hint of a fault where libcurl 8 is linked. While TLS or a proxy has not answered, it does not say that the
# connection stands, so the step before is named. The released programs have libcurl 7.88, and the page speaks of them.
WITH_LIBCURL_8 = {
    "TLS: handshake stalls": ("fetch bundle: connect HOST:PORT: timed out after <t>", NETWORK),
    "proxy: never answers": ("fetch bundle: connect proxy PROXY:PORT: timed out after <t>", PROXY),
}
