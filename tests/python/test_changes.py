"""changes(): each change once, in asyncio, and no more than a look a second."""

import asyncio
import contextlib

import pytest
from agent_secrets import changes


@pytest.fixture
def looks(monkeypatch):
    """What to do at each look instead of a pause, in order; the pauses asked for are kept."""
    steps, pauses = [], []

    async def pause(seconds):
        pauses.append(seconds)
        if steps:
            steps.pop(0)()

    monkeypatch.setattr(asyncio, "sleep", pause)
    return steps, pauses


def collect(count, **options):
    async def run():
        found = []
        async with contextlib.aclosing(changes(**options)) as stream:
            async for change in stream:
                found.append(change and change.state)
                if len(found) == count:
                    return found

    return asyncio.run(run())


def test_each_change_comes_once(flag, looks):
    steps, _ = looks
    same = lambda: None  # noqa: E731
    steps += [same, lambda: flag("stale"), same, lambda: flag("superseded"), same, same, lambda: flag(None)]
    assert collect(3) == ["stale", "superseded", None]
    assert steps == []


def test_a_redeploy_that_is_needed_already_comes_at_once(flag, looks):
    flag("stale")
    assert collect(1) == ["stale"]
    assert looks[1] == []


def test_it_never_looks_more_than_once_a_second(flag, looks):
    steps, pauses = looks
    steps += [lambda: None, lambda: flag("stale")]
    collect(1, interval_seconds=0.001)
    assert pauses == [1.0, 1.0]


def test_it_looks_as_seldom_as_it_is_told(flag, looks):
    steps, pauses = looks
    steps += [lambda: flag("stale")]
    collect(1, interval_seconds=30)
    assert pauses == [30]


def test_a_cancelled_task_ends(state_dir):
    async def run():
        async def wait_for_ever():
            async for _ in changes():
                pytest.fail("nothing has changed")

        task = asyncio.create_task(wait_for_ever())
        for _ in range(3):  # until it pauses
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
