"""Keys in the kernel's keyrings (keyrings(7))."""

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

_ADD_KEY, _KEYCTL = {"x86_64": (248, 250), "aarch64": (217, 219)}[platform.machine()]
_USER_KEYRING, _UNLINK = -4, 9


@contextmanager
def user_key(description: str) -> Iterator[None]:
    """A key in the keyring of this process' user, for the time of the block."""
    libc = ctypes.CDLL(None, use_errno=True)
    key = libc.syscall(_ADD_KEY, b"user", description.encode(), b"x", ctypes.c_size_t(1), _USER_KEYRING)
    if key < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    try:
        yield
    finally:
        libc.syscall(_KEYCTL, _UNLINK, key, _USER_KEYRING)
