"""Makes the kernel refuse every new thread, as an old seccomp profile or a reached limit does."""

import ctypes
import errno
import os
import platform
import resource
import struct

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM
_CLONE_THREAD = 0x00010000
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435

# Classic BPF (linux/filter.h): load a word at an offset of struct seccomp_data, jump if equal, jump if a bit is set.
_LOAD, _EQUAL, _BIT, _RETURN = 0x20, 0x15, 0x45, 0x06


def refuse_by_seccomp():
    """For preexec_fn: clone3, and clone with CLONE_THREAD, fail with EPERM. fork still works."""
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in (
        (_LOAD, 0, 0, 0),  # the number of the call
        (_EQUAL, 4, 0, _CLONE3),
        (_EQUAL, 0, 2, _CLONE[platform.machine()]),
        (_LOAD, 0, 0, 16),  # its first argument, the flags
        (_BIT, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ))
    instructions = ctypes.create_string_buffer(program)
    filter_program = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filter_program)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def refuse_by_limit(uid, threads=1):
    """For preexec_fn, as root: changes to a user with this limit of threads in all its processes together. The
    user must have no other process."""
    def refuse():
        os.setgroups([])
        os.setgid(uid)
        resource.setrlimit(resource.RLIMIT_NPROC, (threads, threads))
        os.setuid(uid)
    return refuse
