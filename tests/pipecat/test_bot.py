"""examples/bot, a real Pipecat bot, spoken to over its WebSocket while its key changes."""

import signal

import pytest
from support import programs
from support.canary import Search
from support.instance import Instance
from support.tone_bot import PYTHON, Caller, tone_of, two_keys
from support.wait import wait_for

BOT = programs.ROOT / "examples" / "bot"
SUPPORT = programs.ROOT / "tests" / "support"
BASE_APP = (PYTHON, "-B", SUPPORT / "pipecat_base_app.py")
# As a container's CMD has it: PORT is the image's.
RUNNER = ("/bin/sh", "-c", f'exec {PYTHON} -B bot.py -t websocket --host 127.0.0.1 --port "$PORT"')

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="Pipecat is not installed; run script/e2e-bot")


@pytest.fixture
def keys():
    return two_keys()


@pytest.fixture
def credential(control_plane, rest, keys):
    """Of an agent whose set holds the first key."""
    assert rest.put_secrets("tone", TONE_API_KEY=keys[0]).status == 202
    control_plane.wait_ready("tone")
    assert rest.deploy("tone-bot", secretSet="tone").status == 200
    return control_plane.issue_credential("tone-bot")


def instance(directory, credential, command=BASE_APP):
    return Instance(
        directory, credential, command=command, working_directory=BOT,
        environment={"PYTHONPATH": programs.ROOT / "base-image"},
    )


def hear(port, path="/ws"):
    with Caller(f"ws://127.0.0.1:{port}{path}") as caller:
        return caller.say("hello")


def test_a_changed_key_is_flagged_the_call_goes_on_and_the_next_instance_has_it(
    control_plane, rest, credential, keys, tmp_path
):
    old_tone, new_tone = map(tone_of, keys)
    with instance(tmp_path / "instance", credential) as running:
        wait_for(lambda: running.sidecar("/readyz")[0] == 200, what="the sidecar's start")
        with Caller(f"ws://127.0.0.1:{running.port}/ws") as caller:
            assert abs(caller.say("before") - old_tone) <= 2
            assert running.bot("/readyz") == (200, ready(sessions=1))

            rest.put_secrets("tone", TONE_API_KEY=keys[1])
            wait_for(lambda: running.bot("/readyz")[0] == 503, what="the refusal of new sessions")
            changed = control_plane.logged_at("set version is ready", set="tone", version=2)
            assert running.redeploy_flag_written_at() - changed < 1
            assert running.redeploy_flag()["latest"]["sets"][0]["changed_keys"] == ["TONE_API_KEY"]
            assert abs(caller.say("while stale") - old_tone) <= 2

            assert rest.redeploy("tone-bot", secretSet="tone").status == 200
            wait_for(lambda: running.bot("/readyz")[1]["status"].endswith("superseded"), what="the word of a new release")
            running.process.send_signal(signal.SIGTERM)
            wait_for(lambda: running.bot("/readyz")[0] == 0, what="the end of listening")
            assert abs(caller.say("while draining") - old_tone) <= 2
            assert running.process.poll() is None
        running.process.wait(20)
        wait_for(lambda: running.sidecar_pid() is None, what="the sidecar's end")

        running.start()  # the container's next start
        assert abs(hear(running.port) - new_tone) <= 2
        wait_for(lambda: running.bot("/readyz") == (200, ready(sessions=0)), what="the new instance being ready")
        running.stop()
    search = Search({"the old key": keys[0], "the new key": keys[1]})
    search.tree(tmp_path)
    assert search.leaks == []


def ready(sessions):
    return {"ready": True, "status": "ok", "active_sessions": sessions, "sidecar": True}


def test_it_runs_under_pipecats_development_runner(credential, keys, tmp_path):
    with instance(tmp_path / "instance", credential, RUNNER) as running:
        assert abs(hear(running.port, "/ws-client") - tone_of(keys[0])) <= 2
        wait_for(lambda: running.bot("/readyz")[1]["active_sessions"] == 0, what="the session's end")
        assert running.bot("/livez")[0] == 200
