"""What secret-injector says on its way: the report of a failure as text and as JSON, retries, steps with their times;
and what is left behind by starts that meet each other in one cache directory."""

import concurrent.futures
import json
import os
import re
import signal
import subprocess
import time

import pytest

from support import misbehaving_server as bad
from support import protocol
from support.failure_scene import CACHED, FETCHED, PASSWORD, TIMEOUT


def json_lines(ended):
    return [json.loads(line) for line in ended.stderr.splitlines()]


def steps(ended):
    """[(name, {field: text})] of the lines that -v adds."""
    found = []
    for line in ended.lines("debug "):
        text = line.removeprefix("debug secret-injector: ")
        fields = dict(re.findall(r'(\w+)=("[^"]*"|\S+)', text))
        found.append((re.split(r" \w+=", text)[0], fields))
    return found


# The report


def test_a_failure_is_one_json_object_if_json_is_asked_for(scene):
    scene.serve(bad.explains(403, "revoked"))
    scene.variables["AGENT_SECRETS_LOG"] = "json"
    ended = scene.start()
    assert ended.exit_code == 125
    (report,) = json_lines(ended)
    del report["time"]
    assert report == {
        "level": "error", "program": "secret-injector",
        "message": "fetch bundle: credential cred-1 has been revoked (HTTP 403, revoked)",
        "step": "fetch bundle", "cause": "credential cred-1 has been revoked (HTTP 403, revoked)",
        "hint": "issue a new credential for agent 'bot' and mount it here", "exit_code": 125,
    }


@pytest.mark.parametrize("options, step, exit_code", [
    (["--no-such-option"], "options", 125),
    (["--credential-file", "/nonexistent/credential"], "credential", 125),
    (["--cache-dir", "/nonexistent/parent/cache", "--cache=required"], "cache", 125),
    (["--require", "ABSENT"], "environment", 125),
])
def test_every_step_reports_in_json(scene, options, step, exit_code):
    scene.serve(bad.good)
    scene.variables["AGENT_SECRETS_LOG"] = "json"
    scene.options += options
    ended = scene.start()
    (report,) = json_lines(ended)
    assert (ended.exit_code, report["exit_code"], report["step"]) == (exit_code, exit_code, step)
    assert report["hint"] and report["cause"] and report["message"] == f"{step}: {report['cause']}"


@pytest.mark.parametrize("command, exit_code", [("/nonexistent/command", 127), ("/etc/passwd", 126)])
def test_a_command_that_cannot_be_executed_reports_its_own_exit_code(scene, command, exit_code):
    scene.serve(bad.good)
    scene.variables["AGENT_SECRETS_LOG"] = "json"
    ended = scene.start(command)
    (report,) = json_lines(ended)
    assert (ended.exit_code, report["exit_code"], report["step"]) == (exit_code, exit_code, "exec")
    assert command in report["cause"] and report["hint"]


def test_the_last_word_on_the_deadline_is_json_too(scene):
    pipe = scene.directory / "credential"
    os.mkfifo(pipe)
    scene.reach("127.0.0.1:1")
    scene.options += ["--credential-file", pipe]
    scene.variables["AGENT_SECRETS_LOG"] = "json"
    ended = scene.start()
    (report,) = json_lines(ended)
    assert (ended.exit_code, report["step"], report["cause"]) == (
        125, "credential", f"it was not done within --timeout, {TIMEOUT}s")


def test_a_stderr_that_nobody_reads_does_not_hold_up_the_end(scene):
    scene.reach(bad.refused_authority())
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    begin = time.monotonic()
    process = subprocess.Popen(scene.command_line("/bin/true"), env=scene.environment(), stderr=writer)
    assert process.wait(TIMEOUT * 5) == 125
    assert time.monotonic() - begin < TIMEOUT + 0.5
    os.close(reader)
    os.close(writer)


# -v


def test_v_shows_every_step_with_its_time(scene):
    scene.serve(bad.good, "good")
    scene.with_cache = True
    scene.options.append("-v")
    ended = scene.start()
    assert (ended.exit_code, ended.stdout.strip()) == (0, FETCHED)
    assert [name for name, _ in steps(ended)] == [
        "options", "protect", "credential", "cache", "resolve", "connect", "tls", "answer", "body", "fetch bundle",
        "open bundle", "cache", "environment", "state", "start sidecar"]
    assert all(int(fields["us"]) >= 0 for _, fields in steps(ended))
    peers = {fields["peer"] for name, fields in steps(ended) if name in ("connect", "tls", "answer")}
    assert peers == {scene.authority}


def test_v_in_json_has_a_line_a_step(scene):
    scene.serve(bad.good)
    scene.variables["AGENT_SECRETS_LOG"] = "json"
    scene.options.append("-v")
    ended = scene.start()
    lines = json_lines(ended)
    assert {"resolve", "connect", "answer", "fetch bundle", "open bundle"} <= {line["message"] for line in lines}
    assert all(line["level"] == "debug" and isinstance(line["us"], int) for line in lines)


def test_v_shows_each_retry_with_its_cause_and_its_pause(scene):
    scene.timeout = 20
    scene.serve(bad.in_turn(bad.says(503), bad.resets, bad.says(429, Retry_After=1), bad.good))
    scene.options.append("-v")
    ended = scene.start()
    assert ended.exit_code == 0, ended.stderr
    retries = [fields for name, fields in steps(ended) if name == "trying again"]
    assert [fields["attempt"] for fields in retries] == ["1", "2", "3"]
    assert [fields["cause"].strip('"') for fields in retries] == [
        f"{scene.authority} answered 503", f"wait for {scene.authority} to answer: the connection broke off",
        f"{scene.authority} answered 429, and to wait 1s"]
    assert int(retries[2]["pause_ms"]) >= 1000


def test_without_v_a_retry_is_silent(scene):
    scene.serve(bad.in_turn(bad.says(503), bad.good))
    ended = scene.start()
    assert (ended.exit_code, ended.stderr) == (0, "")


def test_v_never_shows_a_proxys_password(scene):
    scene.serve(bad.good, "good", host="control.test")
    scene.proxy(user=f"user:{PASSWORD}@", wants=f"user:{PASSWORD}")
    scene.options.append("-v")
    ended = scene.start()
    assert (ended.exit_code, ended.stdout.strip()) == (0, FETCHED)
    assert PASSWORD not in ended.stderr and "user" not in ended.stderr


# The clock, the nonce, the alarm


def test_clock_skew_is_retried_once_with_the_servers_time(scene):
    an_hour_ahead = time.time() + 3600
    skewed = bad.explains(401, "clock-skew", Date=time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(an_hour_ahead)))
    server = scene.serve(bad.in_turn(skewed, bad.good))
    assert scene.start().exit_code == 0
    first, second = (json.loads(protocol.unb64(re.search(r"AgentProof \S+?\.(\S+?)\.", request)[1]))
                     for request in server.requests)
    assert first["jti"] != second["jti"]
    assert abs(second["iat"] - an_hour_ahead) < 10 < 3000 < second["iat"] - first["iat"]


def test_the_alarm_of_the_deadline_does_not_reach_the_command(scene):
    scene.serve(bad.good)
    signal_state = "import signal,sys; print(signal.getsignal(14).name, 14 in signal.pthread_sigmask(0, []))"
    for blocked in (False, True):
        for disposition in (signal.SIG_DFL, signal.SIG_IGN):
            def prepare(blocked=blocked, disposition=disposition):
                signal.signal(signal.SIGALRM, disposition)
                if blocked:
                    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
            line = scene.command_line("/usr/bin/python3", "-c", signal_state)
            ended = subprocess.run(line, env=scene.environment(), preexec_fn=prepare, capture_output=True, text=True)
            assert ended.stdout.split() == [disposition.name, str(blocked)], ended.stderr


def test_a_slow_command_outlives_the_deadline(scene):
    scene.serve(bad.good)
    scene.timeout = 1
    ended = scene.start("/bin/sh", "-c", "sleep 1.3; echo alive")
    assert (ended.exit_code, ended.stdout) == (0, "alive\n")


# The cache


def test_twenty_starts_share_a_cache_directory(scene):
    scene.serve(bad.good)
    scene.with_cache = True
    scene.timeout = 20  # of two cores, for twenty
    assert scene.credential  # made before the threads ask for it
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        ended = list(pool.map(lambda _: scene.start(), range(20)))
    assert [(one.exit_code, one.stdout.strip()) for one in ended] == [(0, FETCHED)] * 20
    # They share a state directory too, and all but its bot say so; of the cache there is nothing to say.
    assert all(one.stderr == "" or "a bot runs here already" in one.stderr for one in ended)
    assert all(one.stderr.count("\n") <= 1 for one in ended)
    assert sorted(path.suffix for path in scene.cache.iterdir()) == [".bundle", ".sequence"]
    assert scene.cache_file.stat().st_mode & 0o7777 == 0o600
    protocol.verify_bundle(scene.credential.parsed, scene.cache_file.read_text())


def test_a_bundle_that_does_not_open_leaves_the_cache_alone(scene):
    scene.serve(bad.bundles(members={"sealed": "A" * 512, "sequence": 8}))
    scene.with_cache = True
    scene.fill_cache()
    before = scene.cache_file.read_bytes()
    assert scene.start().exit_code == 125
    assert scene.cache_file.read_bytes() == before


def test_what_was_killed_halfway_through_writing_serves_and_is_replaced(scene):
    scene.serve(bad.good)
    scene.with_cache = True
    scene.fill_cache()
    (scene.cache / ".cred-1.bundle.new").write_text(scene.cache_file.read_text()[:100])
    assert scene.start().stdout.strip() == FETCHED
    assert sorted(path.suffix for path in scene.cache.iterdir()) == [".bundle", ".sequence"]


def test_a_link_in_the_temporary_files_place_is_not_followed(scene):
    scene.serve(bad.good)
    scene.with_cache = True
    scene.fill_cache()
    victim = scene.directory / "victim"
    victim.write_text("untouched")
    (scene.cache / ".cred-1.bundle.new").symlink_to(victim)
    assert scene.start().exit_code == 0
    assert victim.read_text() == "untouched"


def test_the_cache_warning_names_cause_age_and_versions(scene):
    scene.reach(bad.refused_authority())
    scene.with_cache = True
    scene.fill_cache(issued_at=int(time.time()) - 7300)
    scene.variables["AGENT_SECRETS_LOG"] = "json"
    ended = scene.start()
    assert (ended.exit_code, ended.stdout.strip()) == (0, CACHED)
    (warning,) = json_lines(ended)
    assert (warning["level"], warning["age"], warning["sequence"], warning["versions"]) == (
        "warning", "2h 1m", 7, "voice=3")
    assert warning["cause"] == f"fetch bundle: connect {scene.authority}: connection refused"
