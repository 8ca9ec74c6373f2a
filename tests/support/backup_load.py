"""Writes, deploys and fetches of several agents at once, while a control plane is backed up."""

import dataclasses
import subprocess
import threading

from support import programs, protocol
from support.replicas import served
from support.wait import wait_for


def verify_backup(file, *options, **environment):
    command = [str(programs.control_plane_program()), "backup", "verify", str(file), *map(str, options)]
    return subprocess.run(command, env=programs.clean_environment(**environment), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120)


@dataclasses.dataclass(frozen=True)
class Loaded:
    """An agent that follows the newest version of its set. The values of LEFT and RIGHT are one number, which rises."""
    agent: str
    credential: str

    def served(self, url=None):
        """The number that instances get, or None. Two numbers are a set that was torn."""
        values = served(protocol.Credential.parse(self.credential), url)
        if values is None:
            return None
        assert values["LEFT"] == values["RIGHT"], values
        return int(values["LEFT"])


def make_agent(control_plane, name):
    rest = control_plane.rest()
    assert rest.put_secrets(f"set-{name}", LEFT="0", RIGHT="0").status == 202
    control_plane.wait_ready(f"set-{name}", 60)
    assert rest.deploy(name, secretSet=f"set-{name}", secretVersion="latest").status == 200
    return Loaded(name, control_plane.issue_credential(name))


class Load:
    """`with Load(control_plane, agents) as load: …`. An answer that is lost is no fault."""

    def __init__(self, control_plane, agents):
        self._control_plane = control_plane
        self._ended = threading.Event()
        self.acknowledged = dict.fromkeys((each.agent for each in agents), 0)
        self.attempted = dict(self.acknowledged)
        self.deploys = self.fetches = 0
        self.faults = []
        self._patient = agents[0]  # waits until what it has written is deployed; the others write on
        self._threads = [threading.Thread(target=self._run, args=(each,)) for each in agents]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.end()

    def waits_for(self, predicate, what):
        """Waits until predicate() holds. Fails at the first fault of the load."""
        wait_for(lambda: self.faults or predicate(), 60, what, 0.1)
        assert self.faults == []

    def end(self):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self, each):
        for number in range(1, 1_000_000):
            if self._ended.wait(0.02):
                return
            try:
                self._once(each, number)
            except OSError:
                continue  # the control plane was killed
            except Exception as error:  # told to the test, which runs on another thread
                self.faults.append(f"{each.agent}: {error!r}")
                return

    def _once(self, each, number):
        rest = self._control_plane.rest()
        self.attempted[each.agent] = number
        if rest.put_secrets(f"set-{each.agent}", LEFT=str(number), RIGHT=str(number)).status == 202:
            self.acknowledged[each.agent] = number
        if number % 5 == 0:
            done = self._redeploys(each, rest)
            if each is self._patient:
                wait_for(lambda: done or self._ended.is_set() or self._redeploys(each, rest), 60, "a deployment")
        self.fetches += each.served() is not None

    def _redeploys(self, each, rest):
        """False while the newest version is not ready (409)."""
        status = rest.redeploy(each.agent, secretSet=f"set-{each.agent}", secretVersion="latest").status
        assert status in (200, 409)
        self.deploys += status == 200
        return status == 200
