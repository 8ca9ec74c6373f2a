"""session(): the count in memory, in the file of each process, and in sessions.json."""

import asyncio
import inspect
import json
import os
import subprocess
import sys
import threading

import pytest
from agent_secrets import active_sessions, session
from support.programs import ROOT


@pytest.fixture
def told(state_dir):
    """What an older sidecar would read."""
    return lambda: json.loads((state_dir / "sessions.json").read_text())


class Worker:
    """Another process of the bot, with one live session."""

    SCRIPT = "from agent_secrets import session; s = session(); s.__enter__(); print(flush=True); input(); s.__exit__()"

    def __init__(self, before=""):
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "base-image")}
        self.process = subprocess.Popen([sys.executable, "-B", "-c", before + self.SCRIPT], env=environment,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"\n"

    def hang_up(self):
        self.process.communicate(b"\n", timeout=10)
        assert self.process.returncode == 0

    def kill(self):
        self.process.kill()
        self.process.communicate(timeout=10)


def test_a_block_is_a_session(told):
    with session():
        with session():
            assert active_sessions() == 2
            assert told() == {"schema": 1, "active_sessions": 2, "by_process": True}
        assert told()["active_sessions"] == 1
    assert told() == {"schema": 1, "active_sessions": 0, "by_process": True}


def test_the_sessions_of_all_processes_are_counted(told):
    workers = [Worker() for _ in range(3)]
    try:
        assert active_sessions() == told()["active_sessions"] == 3
        with session():
            assert active_sessions() == told()["active_sessions"] == 4
            workers[0].hang_up()
            assert active_sessions() == told()["active_sessions"] == 3
    finally:
        for worker in workers:
            worker.kill()


def test_a_killed_process_has_no_sessions_and_leaves_no_file(state_dir):
    workers = [Worker() for _ in range(2)]
    assert active_sessions() == 2
    workers[0].kill()
    assert active_sessions() == 1
    workers[1].kill()
    assert active_sessions() == 0
    assert [path.name for path in state_dir.iterdir()] == ["sessions.json"]


def test_a_child_of_fork_counts_its_own_sessions_and_outlives_its_parent(state_dir):
    parent = Worker("import os, time\nimport agent_secrets\nif os.fork():\n    time.sleep(1000)\n")
    assert active_sessions() == 1
    parent.process.kill()
    parent.process.wait(10)
    assert active_sessions() == 1
    parent.process.stdin.close()  # input() ends the child by an EOFError, and its session with it
    parent.process.stdout.read()
    assert active_sessions() == 0


def test_a_session_that_began_before_a_fork_is_the_parents(state_dir):
    script = ("import os; from agent_secrets import active_sessions, session\n"
              "with session():\n"
              "    child = os.fork()\n"
              "    if child:\n"
              "        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
              "    else:\n"
              "        with session(): assert active_sessions() == 2, active_sessions()\n"
              "        assert active_sessions() == 1, active_sessions()\n"
              "assert active_sessions() == (0 if child else 1), active_sessions()\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "base-image")}
    assert subprocess.run([sys.executable, "-B", "-c", script], env=environment, timeout=30).returncode == 0


def test_a_file_that_is_no_count_counts_nothing(state_dir, warnings):
    (state_dir / "sessions.1-x.json").write_text('{"schema": 1, "active_sessions": 7}')
    (state_dir / "sessions.2-x.json").mkdir()
    with session():
        assert active_sessions() == 1
    assert warnings() == []


def test_an_async_block_is_a_session(told):
    async def run():
        async with session():
            assert told()["active_sessions"] == 1

    asyncio.run(run())
    assert told()["active_sessions"] == 0


def test_a_decorated_bot_stays_a_coroutine_function(told):
    @session()
    async def bot(arguments):
        """Talks."""
        return arguments, told()["active_sessions"]

    assert inspect.iscoroutinefunction(bot)
    assert (bot.__name__, bot.__doc__) == ("bot", "Talks.")
    assert asyncio.run(bot("hello")) == ("hello", 1)
    assert told()["active_sessions"] == 0


def test_sessions_of_one_decorated_bot_overlap(told):
    @session()
    async def bot(others_came):
        await others_came.wait()

    async def run():
        others_came = asyncio.Event()
        calls = [asyncio.create_task(bot(others_came)) for _ in range(3)]
        await asyncio.sleep(0)
        assert told()["active_sessions"] == 3
        calls[0].cancel()
        await asyncio.gather(calls[0], return_exceptions=True)
        assert told()["active_sessions"] == 2
        others_came.set()
        await asyncio.gather(*calls[1:])

    asyncio.run(run())
    assert told()["active_sessions"] == 0


def test_a_plain_function_can_be_decorated(told):
    @session()
    def bot():
        return told()["active_sessions"]

    assert bot() == 1


def test_loading_a_bot_takes_back_what_its_predecessor_told(state_dir, told):
    (state_dir / "sessions.json").write_text('{"schema":1,"active_sessions":7}')

    @session()
    async def bot():
        pass

    assert told()["active_sessions"] == 0


def test_a_session_that_fails_ends(told):
    with pytest.raises(ZeroDivisionError), session():
        raise ZeroDivisionError
    assert told()["active_sessions"] == 0


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_threads_lose_no_count(told, warnings):
    def calls():
        for _ in range(50):
            with session():
                assert told()["active_sessions"] >= 1  # whole at any moment

    threads = [threading.Thread(target=calls) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert active_sessions() == told()["active_sessions"] == 0
    assert warnings() == []


def test_nobody_to_tell_is_said_once_and_stops_no_call(tmp_path, monkeypatch, warnings):
    monkeypatch.setenv("AGENT_SECRETS_STATE_DIR", str(tmp_path / "not-there"))
    for _ in range(3):
        with session():
            assert active_sessions() == 1
    assert len(warnings()) == 1 and "not-there" in warnings()[0]


def test_another_user_can_read_it_and_nothing_is_left_beside_it(state_dir):
    old = os.umask(0o077)
    try:
        with session():
            pass
    finally:
        os.umask(old)
    names = sorted(path.name for path in state_dir.iterdir())
    assert [name.split(".")[0] for name in names] == ["sessions", "sessions"]
    assert [(state_dir / name).stat().st_mode & 0o777 for name in names] == [0o644, 0o644]


def test_it_does_not_write_through_a_link(state_dir, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "file"
    other.write_text("untouched")
    (state_dir / f".sessions.json.{os.getpid()}").symlink_to(other)
    (state_dir / "sessions.1-x.json").symlink_to(other)
    (state_dir / "sessions.json").symlink_to(other)
    with session():
        pass
    assert other.read_text() == "untouched"
    assert not (state_dir / "sessions.json").is_symlink()
