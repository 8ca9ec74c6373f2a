"""The demo passes on each database, prints no colour into a pipe, and leaves nothing behind."""

import os
import re
import subprocess

import pytest

from support import postgresql
from support.programs import ROOT


@pytest.mark.parametrize("database, shown", [("sqlite", "SQLite"), ("postgresql", "PostgreSQL")])
def test_the_demo_passes(database, shown, tmp_path):
    if database == "postgresql" and postgresql.SHARED_URL not in os.environ:
        pytest.skip(f"${postgresql.SHARED_URL} is not set: run script/with-postgresql")
    if "AGENT_SECRETS_TEST_REPLICAS" in os.environ and database == "sqlite":
        pytest.skip("replicas have no data directory")
    finished = subprocess.run(
        ["/usr/bin/python3", ROOT / "tests" / "e2e" / "demo.py"],
        env={**os.environ, "TMPDIR": str(tmp_path), "AGENT_SECRETS_TEST_DATABASE": database},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert re.fullmatch(r"PASS \d+ checks, 0 leaks of 2 canaries", finished.stdout.splitlines()[-1])
    assert [line[:5] for line in finished.stdout.splitlines() if line.startswith("[")] == [
        f"[{step}/8]" for step in range(1, 9)
    ]
    assert f"[1/8] control plane on {shown}\n" in finished.stdout
    assert "\033" not in finished.stdout
    assert list(tmp_path.iterdir()) == []
