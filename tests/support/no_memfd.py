"""Has the kernel refuse memfd_create, as a strict seccomp profile does, or a kernel that does not know the call."""

import ctypes
import platform
import struct

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_MEMFD_CREATE = {"x86_64": 319, "aarch64": 279}
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # classic BPF (linux/filter.h)


def refuse_with(error_number):
    """For preexec_fn."""
    def refuse():
        program = b"".join(struct.pack("HBBI", *instruction) for instruction in (
            (_LOAD, 0, 0, 0),  # the number of the call
            (_EQUAL, 0, 1, _MEMFD_CREATE[platform.machine()]),
            (_RETURN, 0, 0, _ERRNO | error_number),
            (_RETURN, 0, 0, _ALLOW),
        ))
        instructions = ctypes.create_string_buffer(program)
        filter_program = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
        libc = ctypes.CDLL(None, use_errno=True)
        for arguments in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filter_program)):
            if libc.prctl(*arguments) != 0:
                raise OSError(ctypes.get_errno(), "prctl")
    return refuse
