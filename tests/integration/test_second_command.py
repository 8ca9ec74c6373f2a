"""A second command in the bot's container: what is the bot's stays the bot's, and no old value is called safe to revoke
while the bot still has it."""

import json
import os
import subprocess

import pytest

from support import programs
from support.instance import Instance, get, run_injector
from support.sidecar import Sidecar, watch_credential
from support.wait import wait_for

HOST = {"HOSTNAME": "host-1"}


class Scene:
    """An agent whose bot runs version 1 of "keys" while version 2 is deployed."""

    def __init__(self, control_plane, rest):
        self.control_plane = control_plane
        self.rest = rest
        self.write("one")
        assert rest.deploy("bot", secretSet="keys").status == 200
        self.credential = control_plane.issue_credential("bot")

    def write(self, value):
        assert self.rest.put_secrets("keys", TOKEN=value).status == 202
        self.control_plane.wait_ready("keys")

    def supersede(self):
        self.write("two")
        assert self.rest.redeploy("bot", secretSet="keys").status == 200

    def second(self, *options, command=("/usr/bin/printenv", "TOKEN"), **environment):
        """A second command in the bot's container, as `docker exec` starts it."""
        return run_injector(self.credential, *command, options=options, environment={**HOST, **environment})

    def instances(self):
        """{id: (watched, state)}"""
        agents = json.loads(self.control_plane.run("fleet", "bot", "--json").stdout)["agents"]
        return {row["instance"]: (row["watched"], row["state"]) for row in agents[0]["instances"]} if agents else {}

    def safe_to_revoke(self):
        """What is said of version 1."""
        status = json.loads(self.control_plane.run("set", "status", "keys", "--json").stdout)
        verdicts = {row["version"]: row["safeToRevoke"] for row in status["versions"]}
        return verdicts.get(1, status["everyOtherVersion"]["safeToRevoke"])


@pytest.fixture
def scene(control_plane, rest):
    return Scene(control_plane, rest)


def contents(directory):
    """What the sidecar does not rewrite by itself."""
    return {name: (directory / name).read_bytes() for name in ("running.json", "redeploy.json", "bot.json")}


def test_a_second_command_leaves_the_superseded_bots_state_alone(scene, tmp_path):
    with Instance(tmp_path / "bot", scene.credential, environment=HOST) as bot:
        wait_for(lambda: scene.instances() == {"host-1": (True, "current")}, what="the bot in the fleet")
        scene.supersede()
        wait_for(lambda: (bot.redeploy_flag() or {}).get("state") == "superseded", what="the flag")
        (bot.state_dir / "sessions.json").write_text('{"schema": 1, "active_sessions": 1}')
        before = contents(bot.state_dir)
        for options in (["--state-dir", bot.state_dir], ["--state-dir", bot.state_dir, "--sidecar"], ["--one-shot"]):
            finished = scene.second(*options)
            assert (finished.returncode, finished.stdout) == (0, "two\n"), finished.stderr
            assert ("a bot runs here already" in finished.stderr) == ("--one-shot" not in options)
            assert contents(bot.state_dir) == before
            assert (bot.state_dir / "sessions.json").exists()
            assert bot.sidecar_status() == 11
        wait_for(lambda: len(scene.instances()) == 3, what="the reports of the two")
        assert scene.instances()["host-1"] == (True, "superseded")
        others = {name: how for name, how in scene.instances().items() if name != "host-1"}
        assert set(others.values()) == {(False, "current")}
        assert all(name.startswith("host-1.run-") for name in others)
        assert scene.safe_to_revoke() == "no"


def test_a_bot_without_a_sidecar_keeps_its_version_from_being_safe(scene, tmp_path):
    with Instance(tmp_path / "bot", scene.credential, environment=HOST, sidecar=False) as bot:
        wait_for(lambda: scene.instances() == {"host-1": (False, "current")}, what="the bot in the fleet")
        scene.supersede()
        assert scene.second("--state-dir", bot.state_dir).stdout == "two\n"
        wait_for(lambda: len(scene.instances()) == 2, what="the second command in the fleet")
        assert scene.safe_to_revoke() == "unknown"


def test_a_one_shot_command_and_a_look_are_no_instances(scene, tmp_path):
    with Instance(tmp_path / "bot", scene.credential, environment=HOST, sidecar=False) as bot:
        wait_for(lambda: scene.instances() == {"host-1": (False, "current")}, what="the bot in the fleet")
        scene.supersede()
        assert scene.second("--one-shot").stdout == "two\n"
        looked = subprocess.run(
            [programs.injector_program(), "env", "--state-dir", bot.state_dir], capture_output=True, timeout=30,
            env=programs.clean_environment(AGENT_SECRETS_CREDENTIAL=scene.credential, **HOST))
        assert looked.returncode == 0, looked.stderr
        # Reports are written about once a second; this one comes after them.
        assert scene.second("--state-dir", bot.state_dir).returncode == 0
        wait_for(lambda: len(scene.instances()) == 2, what="the last command in the fleet")
        assert scene.instances()["host-1"] == (False, "superseded")
        assert scene.safe_to_revoke() == "unknown"


def test_a_sidecar_in_its_own_container_goes_on_watching_the_bot(scene, tmp_path):
    """It follows running.json, so a second command's sequence there made a superseded bot current."""
    with Instance(tmp_path / "bot", scene.credential, environment=HOST, sidecar=False) as bot:
        directory = tmp_path / "bot"
        with Sidecar(directory, watch_credential(scene.credential), "--instance", "host-1") as sidecar:
            sidecar.wait_until("current")
            scene.supersede()
            sidecar.wait_until("superseded")
            scene.second("--state-dir", bot.state_dir)
            scene.write("three")
            wait_for(lambda: sidecar.knows()["latest"]["sets"][0]["version"] == 3, what="the next answer")
            assert sidecar.knows()["state"] == "superseded"
            assert bot.redeploy_flag()["state"] == "superseded"
            wait_for(lambda: scene.instances().get("host-1") == (True, "superseded"), what="its reports in the fleet")
            wait_for(lambda: len(scene.instances()) == 2, what="the second command in the fleet")
            assert scene.safe_to_revoke() == "no"


def test_the_state_directory_is_found_by_the_variable_that_the_bot_has(scene, tmp_path):
    with Instance(tmp_path / "bot", scene.credential, environment=HOST, sidecar=False) as bot:
        finished = scene.second(AGENT_SECRETS_STATE_DIR=bot.state_dir)
        assert "a bot runs here already" in finished.stderr


def test_a_second_bot_with_a_required_sidecar_does_not_start(scene, tmp_path):
    with Instance(tmp_path / "bot", scene.credential, environment=HOST) as bot:
        finished = scene.second("--state-dir", bot.state_dir, "--sidecar=required")
        assert (finished.returncode, finished.stdout) == (125, "")
        assert finished.stderr == (
            f"secret-injector: error: start sidecar: the state directory {bot.state_dir} is that of a bot that runs\n"
            "hint: give this one its own --state-dir, or leave --sidecar=required out\n")


def test_the_next_bot_takes_the_directory_over(scene, tmp_path):
    with Instance(tmp_path / "bot", scene.credential, environment=HOST) as bot:
        first = bot.pid
        scene.supersede()
        wait_for(lambda: bot.redeploy_flag(), what="the flag")
        bot.stop()
        bot.start()
        assert bot.redeploy_flag() is None
        running = json.loads((bot.state_dir / "running.json").read_text())
        assert running["pid"] == bot.pid != first
        assert "a bot runs here already" not in bot.log()


def test_a_bot_that_starts_itself_anew_stays_the_bot(scene, tmp_path):
    """A hot restart: the same process goes through the injector once more."""
    again = ("sh", "-c", 'AGENT_SECRETS_CREDENTIAL=$1; export AGENT_SECRETS_CREDENTIAL; shift; exec "$@"', "sh",
             scene.credential, programs.injector_program(), "--state-dir", tmp_path / "bot" / "state", "--",
             "/usr/bin/python3", programs.ROOT / "tests" / "support" / "plain_bot.py")
    with Instance(tmp_path / "bot", scene.credential, environment=HOST, sidecar=False, command=again) as bot:
        assert "a bot runs here already" not in bot.log()
        assert get(f"http://127.0.0.1:{bot.port}/livez")[0] == 200
        assert set(scene.instances()) <= {"host-1"}


def test_of_many_starts_at_the_same_moment_one_is_the_bot(tmp_path):
    env_file = tmp_path / "env-file"
    env_file.write_text("A=1\n")
    argv = [programs.injector_program(), "--env-file", env_file, "--state-dir", tmp_path / "state", "--",
            "/bin/sleep", "30"]
    starts = [subprocess.Popen([str(word) for word in argv], env=programs.clean_environment(),
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(12)]
    try:
        wait_for(lambda: all(os.readlink(f"/proc/{start.pid}/exe").endswith(("sleep", "coreutils")) for start in starts),
                 30, "all commands")
    finally:
        for start in starts:
            start.kill()
    told = [start.communicate()[1].decode() for start in starts]
    bot = json.loads((tmp_path / "state" / "running.json").read_text())["pid"]
    assert [start.pid for start, text in zip(starts, told) if text == ""] == [bot]
    assert all(f"bot_pid={bot}" in text for text in told if text)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make PID namespaces")


class Container:
    """A PID namespace in which the injector is PID 1, as in a container without an init."""

    def __init__(self, tmp_path):
        self.state = tmp_path / "state"
        env_file = tmp_path / "env-file"
        env_file.write_text("A=1\n")
        self.injector = [programs.injector_program(), "--env-file", env_file, "--state-dir", self.state, "--"]

    def start(self):
        argv = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *self.injector, "/bin/sleep", "60"]
        self.process = subprocess.Popen([str(word) for word in argv], env=programs.clean_environment(),
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        self.bot = int(wait_for(lambda: open(children).read().split(), what="PID 1")[0])
        wait_for(lambda: open(f"/proc/{self.bot}/comm").read() == "sleep\n", what="the bot")
        return self

    def exec(self, *command):
        """As `docker exec`: the same namespaces."""
        argv = ["nsenter", "--pid", "--mount", "--target", self.bot, *self.injector, *command]
        return subprocess.run([str(word) for word in argv], env=programs.clean_environment(), capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=30, text=True)

    def stop(self):
        """What it said on stderr."""
        self.process.kill()
        return self.process.communicate(timeout=10)[1].decode()


@needs_root
def test_the_bot_that_is_pid_1_is_found_by_a_command_in_its_container_and_not_after_a_restart(tmp_path):
    container = Container(tmp_path).start()
    try:
        before = (container.state / "running.json").read_bytes()
        assert json.loads(before)["pid"] == 1
        finished = container.exec("/bin/echo", "second")
        assert (finished.returncode, finished.stdout) == (0, "second\n")
        assert "a bot runs here already" in finished.stderr and "bot_pid=1" in finished.stderr
        assert (container.state / "running.json").read_bytes() == before
        assert container.stop() == ""
        container.start()
        assert (container.state / "running.json").read_bytes() != before
        assert "bot_pid=1" in container.exec("/bin/true").stderr
    finally:
        assert container.stop() == ""


@needs_root
def test_a_command_of_another_user_finds_the_bot_where_proc_hides_it(tmp_path):
    container = Container(tmp_path)
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.geteuid():
            path.chmod(path.stat().st_mode | 0o011)
    container.start()
    try:
        hidden = ["nsenter", "--pid", "--mount", "--target", container.bot, "unshare", "--mount", "sh", "-c",
                  'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh", "setpriv", "--reuid", "4242", "--regid",
                  "4242", "--clear-groups", *container.injector, "/bin/true"]
        finished = subprocess.run([str(word) for word in hidden], env=programs.clean_environment(),
                                  capture_output=True, stdin=subprocess.DEVNULL, timeout=30, text=True)
        assert "a bot runs here already" in finished.stderr, finished.stderr
    finally:
        container.stop()
