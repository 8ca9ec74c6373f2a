"""Keeps the environment of this process from other processes of the same user.

An environment variable can be read from /proc/PID/environ by whoever runs as the same user, and the
memory through ptrace. A process that is not "dumpable" (prctl(2), PR_SET_DUMPABLE) belongs to root
there, and cannot be traced. The flag is lost at execve(): a program that the bot starts has the same
environment and is readable again, unless it is a Python that calls protect() too.
"""

from __future__ import annotations

import ctypes
import os
import sys

from agent_secrets import _state

PR_GET_DUMPABLE = 3
PR_SET_DUMPABLE = 4


def protect() -> bool:
    """True once this process cannot be read by its own user; False, and a line in the log, where
    the system does not offer it. Never raises.

    What it costs: py-spy, gdb, strace and core dumps need root from now on, and this process
    itself can no longer open its own /proc/self/environ, maps or mem (os.environ is not touched).
    """
    problem = _make_undumpable()
    _state.say("protect", problem)
    return not problem


def _make_undumpable() -> str:
    """What went wrong, or ""."""
    if not sys.platform.startswith("linux"):
        return f"no protection of the environment on {sys.platform}"
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError) as error:
        return f"no protection of the environment: {error}"
    zero = ctypes.c_ulong(0)
    if prctl(PR_SET_DUMPABLE, zero, zero, zero, zero) != 0:
        return f"no protection of the environment: {os.strerror(ctypes.get_errno())}"
    return "" if prctl(PR_GET_DUMPABLE, zero, zero, zero, zero) == 0 else "no protection of the environment"
