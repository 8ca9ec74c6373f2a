"""What a row of the failure matrix is made of: the fault, how a scene arranges it, and the expected end of the start.

Messages are written as they are printed, but for HOST:PORT (the control plane's), PROXY:PORT, DIR (the cache
directory), BASE-URL, <n> and <t> (a number, a time)."""

import dataclasses
import os
from collections.abc import Callable

from support import misbehaving_server as bad
from support.failure_scene import FETCHED

NOW = "at once"
WITHIN = "within the deadline"
AT_DEADLINE = "at the deadline"  # nothing ends it before
WITHIN_PATIENCE = "within --cache-after"  # 2 s, of a longer --timeout
NETWORK = "check that the control plane runs and that this network can reach it"
BETWEEN = "look at the control plane's log, and at what stands between here and there"
THEIRS = "use a directory of this user alone; a missing one is made with mode 0700"
OURS_ALONE = (THEIRS + ". With fsGroup in Kubernetes: a directory inside the volume, and "
              "fsGroupChangePolicy: OnRootMismatch")


@dataclasses.dataclass(frozen=True)
class Fails:
    """Exit code 125, one line of error and one hint."""

    message: str
    hint: str
    when: str = NOW
    announced: str = ""  # the one line that a wait of more than two seconds is announced with


@dataclasses.dataclass(frozen=True)
class Starts:
    """The command runs, with fetched values or cached ones, and one warning or none."""

    value: str = FETCHED
    warning: str = ""
    when: str = NOW


@dataclasses.dataclass(frozen=True)
class Row:
    """A fault of the control plane or of the way there. `cache` says whether a fresh cache serves."""

    fault: str
    arrange: Callable
    outcome: Fails | Starts
    cache: bool = False
    root: bool = False
    cached_when: str = ""  # where it differs from the outcome's


@dataclasses.dataclass(frozen=True)
class CacheRow:
    """A fault of the cache, with the control plane unreachable and with a good one."""

    fault: str
    arrange: Callable
    unreachable: Fails | Starts
    reachable: Fails | Starts
    root: bool = False


def answers(behaviour, certificate=None):
    return lambda scene: scene.serve(behaviour, certificate)


def fetch(cause, hint, when=NOW):
    return Fails("fetch bundle: " + cause, hint, when)


def refuses(status, code, what, hint):
    return fetch(f"{what} (HTTP {status}{', ' + code if code else ''})", hint)


def flipped(position):
    def change(body):
        at = int(len(body) * position)
        return body[:at] + (b"A" if body[at:at + 1] != b"A" else b"B") + body[at + 1:]
    return change


def credential_in_a_pipe(scene):
    scene.serve(bad.good)
    pipe = scene.directory / "credential"
    os.mkfifo(pipe, 0o600)
    scene.options += ["--credential-file", pipe]
