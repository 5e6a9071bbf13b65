"""The door to the C library, and the one place where an errno becomes an exception."""

import ctypes

from engine.errors import KernelError

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def check(result: int, name: str, path: str = "") -> int:
    """`result` itself when the call named `name` succeeded; else KernelError with the errno it left."""
    if result < 0:
        raise KernelError(name, ctypes.get_errno(), path)
    return result


def syscall(name: str, number: int, *arguments: object, path: str = "") -> int:
    """A system call that the C library has no function for; integers are passed as 64-bit words."""
    words = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    return check(libc.syscall(ctypes.c_long(number), *words), name, path)
