"""base-image/ on a plain Debian, as a container runs it: tini as PID 1, nothing writable but what is mounted."""

import os
import select
import signal
import socket
import time

import pytest
from support.containers import PLAIN_BOT
from support.wait import wait_for


def test_a_change_is_flagged_new_sessions_are_refused_and_the_next_start_has_it(bot, change, values):
    assert bot.bot("/hello") == (200, {"greeting": values[0]})
    assert bot.bot("/readyz")[0] == 200
    ready_at = change()
    wait_for(lambda: bot.bot("/readyz")[0] == 503, what="the refusal of new sessions")
    flag, flagged_at = bot.redeploy_flag()
    assert flag["latest"]["sets"][0]["changed_keys"] == ["GREETING"]
    print(f"flagged {(flagged_at - ready_at) * 1000:.0f} ms after the version was ready")
    assert flagged_at - ready_at < 1
    assert bot.bot("/hello") == (200, {"greeting": values[0]})  # and goes on as it was


def test_a_redeploy_brings_the_new_value(bot, rest, change, values):
    change()
    assert rest.redeploy("bot", secretSet="bot-secrets").status == 200
    wait_for(lambda: bot.bot("/readyz")[1]["status"].endswith("superseded"), what="the word of the release")
    bot.send(signal.SIGTERM)
    assert bot.wait() == 0
    bot.start().wait_up()
    assert bot.bot("/hello") == (200, {"greeting": values[1]})
    assert bot.bot("/readyz")[0] == 200
    assert bot.redeploy_flag() is None


def test_it_runs_without_any_privilege(bot):
    names = [bot.pids()[0], bot.pid_of("python3"), bot.pid_of("secret-sidecar")]
    for pid in names:
        with open(f"/proc/{pid}/status") as status:
            facts = dict(line.rstrip("\n").split(":\t", 1) for line in status)
        assert facts["Uid"].split() == ["10001"] * 4
        assert facts["CapEff"] == facts["CapBnd"] == "0" * 16
        assert facts["NoNewPrivs"] == "1"
        with open(f"/proc/{pid}/limits") as limits:
            assert any(line.split()[:5] == ["Max", "locked", "memory", "0", "0"] for line in limits)
    assert b"tini" in open(f"/proc/{names[0]}/cmdline", "rb").read()
    assert bot.execute("touch", "/usr/written").returncode != 0
    assert bot.execute("cat", "/proc/self/environ").stdout.count("GREETING") == 0
    # The bot's environment is for the bot alone: not even its own user reads it.
    inside = bot.execute("python3", "-c", "import os\nfor p in os.listdir('/proc'):\n try: 'python3\\0app' in open(f'/proc/{p}/cmdline').read() and print(open(f'/proc/{p}/environ').read())\n except OSError as e: print(e)")
    assert "Permission denied" in inside.stdout and "GREETING" not in inside.stdout


def test_200_orphans_leave_no_zombie(run, images):
    bot = run(images.base("trixie"), mounts=PLAIN_BOT, environment={"ORPHANS": "200"}).wait_up()
    wait_for(lambda: [b"Z"] not in bot.states(), what="the reaping of orphans")
    wait_for(lambda: len(bot.pids()) == 3, what="there being init, bot and sidecar alone")


def test_without_an_init_there_would_be_zombies(run, images):
    """Or the test before this one sees none whatever happens."""
    entrypoint = ["secret-injector", "--sidecar", "--"]
    bot = run(images.base("trixie"), mounts=PLAIN_BOT, entrypoint=entrypoint, environment={"ORPHANS": "200"}).wait_up()
    wait_for(lambda: bot.states().count([b"Z"]) >= 200, what="the orphans being zombies")


def test_the_bot_outlives_its_sidecar_which_readiness_and_status_say(bot):
    os.kill(bot.pid_of("secret-sidecar"), signal.SIGKILL)
    wait_for(lambda: bot.bot("/readyz")[1]["sidecar"] is False, what="the word of the sidecar's absence")
    status, answer = bot.bot("/readyz")
    assert (status, answer["ready"]) == (200, True)
    assert bot.bot("/livez")[0] == 200
    assert bot.sidecar("/metrics") == bot.sidecar("/livez") == (0, b"")
    assert bot.execute("secret-sidecar", "status").returncode == 12
    health = bot.execute("python3", "-m", "agent_secrets.health")
    assert health.returncode == 0 and "sidecar" in health.stdout
    bot.send(signal.SIGTERM)
    assert bot.wait() == 0


def test_the_sidecar_outlives_no_bot_by_a_second(bot):
    """tini ends with its child, and so does the container."""
    sidecar = os.pidfd_open(bot.pid_of("secret-sidecar"))
    began = time.monotonic()
    os.kill(bot.pid_of("python3"), signal.SIGKILL)
    assert select.select([sidecar], [], [], 5)[0]
    took = time.monotonic() - began
    os.close(sidecar)
    print(f"the sidecar ended {took * 1000:.0f} ms after its bot")
    assert took < 1
    assert bot.wait() == 128 + signal.SIGKILL


def test_the_sidecar_ends_with_the_bot_in_a_container_that_goes_on(run, images):
    """Here by pidfd: PID 1 is a shell, and the container does not end."""
    shell = ["sh", "-c", "secret-injector --sidecar -- python3 app.py; sleep 600"]
    bot = run(images.base("trixie"), mounts=PLAIN_BOT, entrypoint=["tini", "--"], command=shell).wait_up()
    sidecar = os.pidfd_open(bot.pid_of("secret-sidecar"))
    began = time.monotonic()
    os.kill(bot.pid_of("python3\0app.py"), signal.SIGKILL)
    assert select.select([sidecar], [], [], 5)[0]
    took = time.monotonic() - began
    os.close(sidecar)
    assert bot.process.poll() is None
    print(f"the sidecar ended {took * 1000:.0f} ms after its bot, in a container that goes on")
    assert took < 1


def test_a_stop_during_a_hanging_fetch_ends_it(run, images, control_plane):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        credential = control_plane.run("credential", "issue", "bot", "--url", url).stdout.strip()
        container = run(images.base("trixie"), mounts=PLAIN_BOT, credential=credential)
        connection, _ = silent.accept()
        with connection:
            began = time.monotonic()
            container.send(signal.SIGTERM)
            assert container.wait() == 128 + signal.SIGTERM
            assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "who, greeting", [("override", "the set's"), ("keep", "the image's"), ("fail", None)]
)
def test_a_variable_of_the_image_follows_on_conflict(run, images, values, who, greeting):
    image = images.build("base-with-env", images.directory, f"FROM localhost/{images.base('trixie')}\nENV GREETING=image OWN=own\n")
    injector = images.config(image)["Entrypoint"]
    at = injector.index("secret-injector") + 1
    # override is the default: the entrypoint as it is.
    entrypoint = injector if who == "override" else injector[:at] + ["--on-conflict", who] + injector[at:]
    container = run(image, mounts=PLAIN_BOT, entrypoint=entrypoint)
    if greeting is None:
        assert container.wait() == 125
        assert "GREETING" in container.log() and values[0] not in container.log()
        return
    container.wait_up()
    assert container.bot("/hello")[1]["greeting"] == {"the set's": values[0], "the image's": "image"}[greeting]
    assert "OWN" in container.bot("/environment-names")[1]["names"]
