"""The package in a bot.py under what the base image runs (a stand-in with the same contract)."""

import concurrent.futures
import contextlib
import json
import signal
import subprocess
import urllib.request

import pytest
from support import programs
from support.instance import get
from support.wait import wait_for

PYTHON = programs.ROOT / ".venv" / "bin" / "python"
APP = programs.ROOT / "tests" / "support" / "pipecat_base_app.py"

BOT = """
import asyncio, pathlib
from agent_secrets import readyz, session

@session()
async def bot(arguments):
    while not pathlib.Path(arguments.body["until"]).exists():
        await asyncio.sleep(0.01)
"""


class App:
    def __init__(self, process, port):
        self.process = process
        self.port = port

    def ready(self):
        status, body = get(f"http://127.0.0.1:{self.port}/readyz")
        return status, json.loads(body) if body else None

    def talk(self, until):
        """One whole session, from POST to its answer; it lasts until the file is there."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/bot", json.dumps({"until": str(until)}).encode(),
            {"Content-Type": "application/json", "x-daily-session-id": "s1", "Connection": "close"},
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as response:
            return response.read()


@pytest.fixture
def start(tmp_path):
    """Runs the app around the source of a bot.py; everything ends with the test."""
    if not PYTHON.exists():
        pytest.skip("fastapi and uvicorn are not installed; run script/bootstrap")
    with contextlib.ExitStack() as stack:

        def run(source, **environment):
            (tmp_path / "bot.py").write_text(source)
            port = programs.free_port()
            variables = programs.clean_environment(
                PORT=port, PYTHONPATH=programs.ROOT / "base-image", AGENT_SECRETS_STATE_DIR=tmp_path, **environment
            )
            process = stack.enter_context(subprocess.Popen([PYTHON, "-B", APP], cwd=tmp_path, env=variables))
            stack.callback(process.kill)
            app = App(process, port)
            wait_for(lambda: app.ready()[0], what="the app's start")
            return app

        yield run


def sessions(state_dir):
    path = state_dir / "sessions.json"
    return json.loads(path.read_text())["active_sessions"] if path.exists() else None


def test_new_sessions_are_refused_while_the_live_one_goes_on_to_its_end(start, flag, state_dir):
    app = start(BOT, AGENT_SECRETS_UNREADY_WHEN="stale")
    assert app.ready() == (200, {"ready": True, "status": "ok", "active_sessions": 0, "sidecar": False})
    with concurrent.futures.ThreadPoolExecutor() as calls:
        live = calls.submit(app.talk, state_dir / "hang-up")
        wait_for(lambda: sessions(state_dir) == 1, what="the session's count")
        flag("stale")
        status, answer = app.ready()
        assert (status, answer["active_sessions"]) == (503, 1)
        app.process.send_signal(signal.SIGTERM)
        wait_for(lambda: app.ready()[0] == 0, what="the end of listening")
        assert not live.done() and app.process.poll() is None
        (state_dir / "hang-up").touch()
        assert live.result(10) == b"{}"
    assert app.process.wait(10) in (0, -signal.SIGTERM)  # uvicorn's newer versions end by the signal
    assert sessions(state_dir) == 0


@pytest.mark.parametrize(
    ("readyz", "expected"),
    [
        ("", (200, {"status": "ok"})),
        ("def readyz(): return False", (503, {"status": "not ready"})),
        ("async def readyz(): return {'ready': True, 'x': 1}", (200, {"ready": True, "x": 1})),
        ("def readyz(): return {}", (503, {})),
        ("def readyz(): raise OSError('no')", (503, {"ready": False, "error": "no"})),
        ("def readyz(): return 'yes'", (503, {"status": "error", "error": "invalid readyz return type"})),
    ],
)
def test_the_stand_in_keeps_the_contract_of_readyz(start, readyz, expected):
    assert start(f"async def bot(arguments): pass\n{readyz}\n").ready() == expected
