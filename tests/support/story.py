"""Prints the demo: numbered steps, facts under them, every fact a check."""

import os
import sys


class CheckFailed(Exception):
    pass


class Story:
    def __init__(self, steps, stream=sys.stdout):
        self.checks = 0
        self._steps = steps
        self._step = 0
        self._stream = stream
        self._colour = stream.isatty() and "NO_COLOR" not in os.environ

    def _paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def step(self, title):
        self._step += 1
        print(self._paint("1", f"[{self._step}/{self._steps}] {title}"), file=self._stream, flush=True)

    def fact(self, text):
        print(f"      {text}", file=self._stream, flush=True)

    def check(self, condition, what):
        """Counts a check; a false check ends the demo with the expected `what`."""
        if not condition:
            raise CheckFailed(f"expected: {what}")
        self.checks += 1

    def equal(self, found, expected, what):
        self.check(found == expected, f"{what} = {expected!r}, found {found!r}")

    def passed(self, text):
        print(self._paint("1;32", "PASS") + " " + text, file=self._stream, flush=True)

    def failed(self, text):
        print(self._paint("1;31", "FAIL") + " " + text, file=self._stream, flush=True)
