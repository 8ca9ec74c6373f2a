"""Which version of a set an instance is given: always a whole one, and always the pinned one."""

import concurrent.futures
import subprocess
import time

from support import programs, protocol
from support.wait import wait_for


def pinned_agent(control_plane, values):
    """An agent "bot" bound to "bot-secrets" with `values`; its credential, both forms."""
    rest = control_plane.rest()
    assert rest.put_secrets("bot-secrets", **values).status == 202
    control_plane.wait_ready("bot-secrets")
    assert rest.deploy("bot", secretSet="bot-secrets").status == 200
    text = control_plane.issue_credential("bot")
    return text, protocol.Credential.parse(text)


def environment_of_a_launch(control_plane, credential_text):
    """What the real injector gives a program, as a dictionary of bytes."""
    finished = subprocess.run(
        [programs.injector_program(), "--", "/usr/bin/env", "-0"],
        env=programs.clean_environment(AGENT_SECRETS_CREDENTIAL=credential_text),
        capture_output=True, timeout=30,
    )
    assert finished.returncode == 0, finished.stderr
    return dict(entry.split(b"=", 1) for entry in finished.stdout.split(b"\0")[:-1])


def test_no_instance_receives_a_half_written_set(control_plane, cli):
    """20 keys, one PUT each: a set that is old everywhere or new everywhere, never mixed."""
    keys = [f"KEY_{number:02}" for number in range(20)]
    _, credential = pinned_agent(control_plane, {key: "old" for key in keys})
    rest = control_plane.rest()
    seen = set()

    def observe():
        rest.redeploy("bot", secretSet="bot-secrets")  # 409 while the new version is pending
        environment = protocol.open_bundle(credential,
                                           protocol.fetch_bundle(credential).body.decode())
        assert sorted(environment) == [key.encode() for key in keys]
        return frozenset(environment.values())

    with concurrent.futures.ThreadPoolExecutor() as pool:
        writing = pool.submit(cli.succeeds, "secrets", "set", "bot-secrets",
                              *(f"{key}=new" for key in keys), "--skip")
        deadline = time.monotonic() + 60
        while frozenset([b"new"]) not in seen:
            assert time.monotonic() < deadline, seen
            seen.add(observe())
        writing.result()
    assert seen == {frozenset([b"old"]), frozenset([b"new"])}


def test_a_new_value_reaches_the_agent_only_by_a_deploy(control_plane):
    text, _ = pinned_agent(control_plane, {"GREETING": "hello"})
    rest = control_plane.rest()
    rest.put_secrets("bot-secrets", GREETING="bonjour")
    control_plane.wait_ready("bot-secrets")
    assert environment_of_a_launch(control_plane, text)[b"GREETING"] == b"hello"
    assert rest.redeploy("bot", secretSet="bot-secrets").status == 200
    assert environment_of_a_launch(control_plane, text)[b"GREETING"] == b"bonjour"


def test_a_newer_pending_version_does_not_stop_a_restart(control_plane):
    text, _ = pinned_agent(control_plane, {"GREETING": "hello"})
    body = {"secretKey": "GREETING", "secretValue": "bonjour", "isImagePullSecret": False}
    assert control_plane.rest().org("PUT", "secrets/bot-secrets", body).status == 202
    assert control_plane.rest().set_status("bot-secrets") == "pending"
    assert environment_of_a_launch(control_plane, text)[b"GREETING"] == b"hello"


def test_a_newer_failed_version_does_not_stop_a_restart(control_plane):
    text, _ = pinned_agent(control_plane, {"GREETING": "hello"})
    body = {"secretKey": "GREETING", "secretValue": "bonjour", "isImagePullSecret": False}
    assert control_plane.rest().org("PUT", "secrets/bot-secrets", body).status == 202
    control_plane.kill()  # within the quiet period
    control_plane.damage_values(2)
    control_plane.start()
    rest = control_plane.rest()
    # On PostgreSQL the lease of the killed provisioner must end first.
    wait_for(lambda: rest.set_status("bot-secrets") == "failed", 30, "the version failing")
    refused = rest.redeploy("bot", secretSet="bot-secrets")
    assert refused.status == 409 and "failed" in refused.body["error"]
    assert environment_of_a_launch(control_plane, text)[b"GREETING"] == b"hello"


def test_values_of_every_kind_reach_the_agent_byte_for_byte(control_plane):
    values = {
        "NEWLINE": "one\ntwo\n", "QUOTES": "\"'`$(x)\\", "UTF8": "é 漢 🔑", "SPACES": "  kept  ",
        "EQUALS": "=a=b", "LONG": "x" * 65536, "lower-case_key": "v",
    }
    text, _ = pinned_agent(control_plane, values)
    environment = environment_of_a_launch(control_plane, text)
    assert {key: environment[key.encode()].decode() for key in values} == values


def test_two_agents_of_one_set_hold_their_own_versions(control_plane):
    _, first = pinned_agent(control_plane, {"GREETING": "hello"})
    rest = control_plane.rest()
    rest.put_secrets("bot-secrets", GREETING="bonjour")
    control_plane.wait_ready("bot-secrets")
    assert rest.deploy("second", secretSet="bot-secrets").status == 200
    second = protocol.Credential.parse(control_plane.issue_credential("second"))
    opened = [protocol.open_bundle(each, protocol.fetch_bundle(each).body.decode())
              for each in (first, second)]
    assert opened == [{b"GREETING": b"hello"}, {b"GREETING": b"bonjour"}]


def test_a_watcher_hears_of_a_ready_version_at_once(control_plane):
    _, credential = pinned_agent(control_plane, {"GREETING": "hello"})
    first = protocol.watch(credential, running_sequence=1)
    assert first.json["state"] == "current"
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(protocol.watch, credential, 1, If_None_Match=first.headers["etag"],
                              Prefer="wait=30")
        control_plane.rest().put_secrets("bot-secrets", GREETING="bonjour")
        answer = wait_for(lambda: waiting.done() and waiting.result(), 10, "the watch's answer")
    assert answer.json["state"] == "stale"
    latest = answer.json["latest"]["sets"]
    assert latest == [{"name": "bot-secrets", "version": 2, "changed_keys": ["GREETING"]}]
