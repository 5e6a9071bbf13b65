"""seccomp(2)."""

import ctypes
import struct

from engine.sys.libc import syscall

_SECCOMP, _SECCOMP_SET_MODE_FILTER = {"x86_64": 317, "aarch64": 277}, 1


def load(program: bytes, flags: int, machine: str) -> int:
    """seccomp(2): install `program`, an array of struct sock_filter, on the calling thread.

    Returns what the kernel does: the listener's descriptor with SECCOMP_FILTER_FLAG_NEW_LISTENER in `flags`, else 0.
    """
    code = ctypes.create_string_buffer(program, len(program))
    fprog = ctypes.create_string_buffer(struct.pack("<H6xQ", len(program) // 8, ctypes.addressof(code)))
    return syscall("seccomp", _SECCOMP[machine], _SECCOMP_SET_MODE_FILTER, flags, fprog)
