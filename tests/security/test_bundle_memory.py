"""A bundle request changes no memory mapping: guarded memory is made once, and used again.

A change of protection interrupts every processor that runs a thread of the server, so it would slow down all requests.
"""

import contextlib
import sqlite3
import time

import pytest

from support import programs, protocol, strace
from support.control_plane import ControlPlane
from support.wait import wait_for

BINARY = programs.control_plane_program().read_bytes() if programs.control_plane_program().exists() else b""
pytestmark = [
    pytest.mark.skipif(not strace.installed(), reason="strace is not installed; run script/bootstrap"),
    pytest.mark.skipif(b"libasan" in BINARY or b"libtsan" in BINARY, reason="a sanitizer's runtime is traced with it"),
]

CALLS = "mmap,munmap,mremap,mprotect,madvise,mlock,munlock"
REQUESTS = 100
FRESH = 20  # credentials whose first bundle is made in the test


class Traced(ControlPlane):
    """Its server runs under strace, which is a grandchild, so that the server is our own child."""

    def command(self, *arguments):
        command = super().command(*arguments)
        if arguments[0] != "serve":
            return command
        return [strace.PROGRAM, "-D", "-f", "-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(self.trace), *command]

    @property
    def trace(self):
        return self.directory / "trace"


def test_a_hundred_bundles_change_no_memory_mapping(tmp_path):
    with Traced(tmp_path / "control-plane") as control_plane:
        warm, *fresh = bound_credentials(control_plane)
        fetch([warm] * 50 + fresh[:FRESH])
        # The audit log's keeper reads all records at once that are not chained yet, and a long list of them takes a
        # mapping. So the records of these fetches are chained first.
        wait_for(lambda: unchained_records(control_plane) == 0, what="the audit log to chain its records")
        before = len(calls(control_plane))
        assert before > 0, "strace records nothing"
        fetch([warm] * REQUESTS)
        assert calls(control_plane)[before:] == []
        # The values are decrypted and sealed.
        fetch(fresh[FRESH:])
        assert calls(control_plane)[before:] == []


def bound_credentials(control_plane):
    rest = control_plane.rest()
    values = {f"KEY_{number}": "v" * 320 for number in range(12)}
    assert rest.put_secrets("bot-secrets", **values).status == 202
    control_plane.wait_ready("bot-secrets")
    assert rest.deploy("bot", secretSet="bot-secrets").status == 200
    texts = [control_plane.issue_credential("bot") for _ in range(1 + 2 * FRESH)]
    credentials = [protocol.Credential.parse(text) for text in texts]
    wait_for(lambda: protocol.fetch_bundle(credentials[-1]).status == 200, what="the last credential's bundle")
    return credentials[:-1]


def fetch(credentials):
    for credential in credentials:
        assert protocol.fetch_bundle(credential).status == 200
    time.sleep(0.2)  # until the workers have finished


def unchained_records(control_plane):
    [store] = control_plane.data_dir.glob("region-*.db")
    with contextlib.closing(sqlite3.connect(store)) as region:
        return region.execute("SELECT count(*) FROM audit WHERE position IS NULL").fetchone()[0]


def calls(control_plane):
    return control_plane.trace.read_text().splitlines()
