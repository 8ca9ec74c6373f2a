"""Waits for an event of a process, never for a fixed time."""

import time


def wait_for(predicate, timeout=10.0, what="the condition", interval=0.01):
    """The first truthy value of predicate(); AssertionError after the timeout."""
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {timeout} s")
        time.sleep(interval)
