"""kill -9 of the control plane, at any moment, loses no write that it answered with 202."""

import random
import threading
import time

import pytest

from support.instance import injected_environment

ROUNDS = 5


class Writer(threading.Thread):
    """Writes new keys, and one counter over and over, until told to stop or cut off."""

    def __init__(self, rest, prefix):
        super().__init__()
        self.acknowledged = {}
        self._rest = rest
        self._prefix = prefix
        self._stop_asked = threading.Event()

    def run(self):
        for number in range(100_000):
            if self._stop_asked.is_set():
                return
            pairs = {f"{self._prefix}_{number % 40}": f"{number}"}
            try:
                answer = self._rest.put_secrets("set1", **pairs)
            except OSError:
                return  # killed: this write was not acknowledged, and may or may not have happened
            if answer.status == 202:
                self.acknowledged.update(pairs)

    def stop(self):
        self._stop_asked.set()
        self.join(30)


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_control_plane_keeps_every_acknowledged_write(control_plane, rest, tmp_path, seed):
    moments = random.Random(seed)
    acknowledged = {"FIRST": "1"}
    assert rest.put_secrets("set1", **acknowledged).status == 202
    control_plane.wait_ready("set1")
    assert rest.deploy("bot", secretSet="set1").status == 200
    credential = control_plane.issue_credential("bot")

    for number in range(ROUNDS):
        writer = Writer(rest, f"ROUND{number}")
        writer.start()
        time.sleep(moments.uniform(0.01, 0.4))
        control_plane.kill()
        writer.stop()
        acknowledged.update(writer.acknowledged)
        control_plane.start()

    # Provisioning goes on by itself: nobody writes again.
    control_plane.wait_ready("set1", timeout=30)
    assert rest.redeploy("bot", secretSet="set1").status == 200
    environment = injected_environment(credential, tmp_path)
    for key, value in acknowledged.items():
        # The write that the kill cut off may have overtaken the last acknowledged one.
        assert environment.get(key) is not None and int(environment[key]) >= int(value), key


def test_a_set_that_was_pending_at_the_kill_becomes_ready_after_the_start(control_plane, rest):
    body = {"name": "set1", "secretKey": "KEY", "secretValue": "value"}
    assert rest.org("PUT", "secrets/set1", body).status == 202
    assert rest.set_status("set1") == "pending"
    control_plane.kill()
    control_plane.start()
    control_plane.wait_ready("set1")
