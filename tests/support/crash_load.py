"""Everything that a control plane does, at once and without end, while it is killed again and again: writes, deploys,
fetches, rotations of keys, backups. What was acknowledged is remembered, to compare it with what is there after a kill.

An answer that is lost is no fault: what it was about may have happened, or not."""

import collections
import copy
import os
import threading

from support.background import BackgroundThreads
from support.backup_load import make_agent, verify_backup

# An instance follows this many announced keys from the keys of its credential (core/limits.h).
SIGNING_ROTATIONS_MAX = 6
DEPLOYMENTS_LISTED = 20  # of 25


class MixedLoad(BackgroundThreads):
    """`with MixedLoad(control_plane, agents=3) as load: …`. `url` of the REST API, to put a proxy before it."""

    def __init__(self, control_plane, agents=3, url=None):
        self.control_plane = control_plane
        self.agents = [make_agent(control_plane, f"bot{number}") for number in range(agents)]
        self.rest = control_plane.rest()
        if url:
            self.rest.url = url
        self.written = dict.fromkeys((each.agent for each in self.agents), 0)  # acknowledged
        self.attempted = dict(self.written)
        self.deployed = {each.agent: collections.deque(maxlen=DEPLOYMENTS_LISTED) for each in self.agents}
        self.done = collections.Counter()
        self.faults = []
        # While the master key is exchanged, no server may start: it would read the old one.
        self.master_key = threading.Lock()
        self._ended = threading.Event()
        works = [lambda each=each: self._use(each) for each in self.agents] + [self._rotate, self._back_up]
        self._threads = [threading.Thread(target=self._repeat, args=(work,)) for work in works]

    def acknowledged(self):
        """What must be there from now on. Call it while no server runs."""
        return dict(self.written), copy.deepcopy(self.deployed), self.done["writes"]

    def _repeat(self, work):
        while not self._ended.wait(0.02):
            try:
                work()
            except OSError:
                self._ended.wait(0.1)  # no server runs
            except Exception as error:  # told to the test, which runs on another thread
                self.faults.append(repr(error))
                return

    def _use(self, each):
        number = self.attempted[each.agent] = self.attempted[each.agent] + 1
        answer = self.rest.put_secrets(f"set-{each.agent}", LEFT=str(number), RIGHT=str(number))
        assert answer.status in (202, 503), answer
        if answer.status == 202:
            self.written[each.agent] = number
            self.done["writes"] += 1
        if number % 5 == 0:
            # 409: the newest version is not ready yet.
            answer = self.rest.redeploy(each.agent, secretSet=f"set-{each.agent}", secretVersion="latest")
            assert answer.status in (200, 409, 503), answer
            if answer.status == 200:
                self.deployed[each.agent].append(answer.body["desiredDeploymentId"])
                self.done["deploys"] += 1
        # served() compares the two values: a set is torn if they differ.
        self.done["fetches"] += each.served() is not None

    def _rotate(self):
        self._ended.wait(0.5)
        run = self.control_plane.run
        run("rotate", "data-keys", timeout=120)
        self.done["rotations of data keys"] += 1
        if self.done["rotations of data keys"] % 3 == 0:
            with self.master_key:
                new = self.control_plane.directory / "new.key"
                run("rotate", "master-key", "--new-master-key-file", new, timeout=120)
                os.rename(new, self.control_plane.master_key_file)
            self.done["rotations of the master key"] += 1
        if self.done["rotations of signing keys"] < SIGNING_ROTATIONS_MAX and self.done["backups"] % 5 == 1:
            run("rotate", "signing-keys", "--region", "us-west", timeout=120)
            self.done["rotations of signing keys"] += 1

    def _back_up(self):
        self._ended.wait(0.5)
        made = self.control_plane.directory / f"{self.done['backups']}.backup"
        with self.master_key:  # the seal of a backup is under the master key
            self.control_plane.run("backup", "create", made, timeout=120)
            checked = verify_backup(made, "--master-key-file", self.control_plane.master_key_file)
        assert checked.returncode == 0, checked.stderr
        self.done["backups"] += 1
        made.unlink()
