"""The demo passes, in a pipe without colour, and leaves no process behind."""

import os
import re
import subprocess

from support.programs import ROOT


def test_the_demo_passes(tmp_path):
    finished = subprocess.run(
        ["/usr/bin/python3", ROOT / "tests" / "e2e" / "demo.py"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert re.fullmatch(r"PASS \d+ checks, 0 leaks of 2 canaries", finished.stdout.splitlines()[-1])
    assert [line[:5] for line in finished.stdout.splitlines() if line.startswith("[")] == [
        f"[{step}/8]" for step in range(1, 9)
    ]
    assert "\033" not in finished.stdout
    assert list(tmp_path.iterdir()) == []
