"""examples/bot, a real Pipecat bot, in the base image: a key changes during a call.

The image is examples/bot/Dockerfile on the base image on bookworm. Pipecat is the one of script/bootstrap
--pipecat, mounted instead of installed: it is 600 MB, and was installed for the Python 3.11 that bookworm
has. app.py is the stand-in for what Pipecat Cloud's image runs around a bot.py.
"""

import signal

import pytest
from support import programs
from support.canary import Search
from support.container_search import search_container
from support.tone_bot import PIPECAT, PYTHON, Caller, tone_of, two_keys
from support.wait import wait_for

PACKAGES = PIPECAT / "lib" / "python3.11" / "site-packages"
MOUNTS = {
    "/app/app.py": programs.ROOT / "tests" / "support" / "pipecat_base_app.py",
    "/opt/pipecat": PACKAGES.resolve(),
}

pytestmark = pytest.mark.skipif(
    not PYTHON.exists() or not PACKAGES.exists(),
    reason="Pipecat is not installed for bookworm's Python 3.11; run script/e2e-container there",
)


@pytest.fixture
def keys():
    return two_keys()


@pytest.fixture
def tone_credential(control_plane, rest, keys):
    """Of an agent whose set holds the first key."""
    assert rest.put_secrets("tone", TONE_API_KEY=keys[0]).status == 202
    control_plane.wait_ready("tone")
    assert rest.deploy("tone-bot", secretSet="tone").status == 200
    return control_plane.issue_credential("tone-bot")


def test_a_key_changes_during_a_call(images, run, rest, control_plane, tone_credential, keys):
    old_tone, new_tone = map(tone_of, keys)
    image = images.build("tone-bot", programs.ROOT / "examples" / "bot", BASE=f"localhost/{images.base('bookworm')}")
    bot = run(image, credential=tone_credential, mounts=MOUNTS, environment={"PYTHONPATH": "/opt/pipecat"})
    bot.wait_up()
    assert bot.bot("/readyz") == (200, ready(sessions=0))

    with Caller(f"ws://127.0.0.1:{bot.port}/ws") as caller:
        assert abs(caller.say("before") - old_tone) <= 2
        assert bot.bot("/readyz") == (200, ready(sessions=1))

        assert rest.put_secrets("tone", TONE_API_KEY=keys[1]).status == 202
        wait_for(lambda: bot.bot("/readyz")[0] == 503, what="the refusal of new sessions")
        changed_at = control_plane.logged_at("set version is ready", set="tone", version=2)
        flag, flagged_at = bot.redeploy_flag()
        assert flag["latest"]["sets"][0]["changed_keys"] == ["TONE_API_KEY"]
        print(f"flagged {(flagged_at - changed_at) * 1000:.0f} ms after the version was ready, with a call under way")
        assert flagged_at - changed_at < 1
        assert abs(caller.say("while stale") - old_tone) <= 2

        search = Search({"the old key": keys[0], "the new key": keys[1]})
        search_container(search, bot, allowed=bot.pid_of("python3"))
        assert search.leaks == []

        assert rest.redeploy("tone-bot", secretSet="tone").status == 200
        wait_for(lambda: bot.bot("/readyz")[1]["status"].endswith("superseded"), what="the word of a new release")
        bot.send(signal.SIGTERM)
        wait_for(lambda: bot.bot("/readyz")[0] == 0, what="the end of listening")
        assert abs(caller.say("while draining") - old_tone) <= 2
        assert bot.process.poll() is None
    # uvicorn hands the signal on to itself when all is finished.
    assert bot.wait(20) == 128 + signal.SIGTERM

    bot.start().wait_up()
    assert bot.bot("/readyz") == (200, ready(sessions=0))
    with Caller(f"ws://127.0.0.1:{bot.port}/ws") as caller:
        assert abs(caller.say("after") - new_tone) <= 2


def ready(sessions):
    return {"ready": True, "status": "ok", "active_sessions": sessions, "sidecar": True}
