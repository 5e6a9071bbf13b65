"""renameat2(2): a rename that replaces nothing, and one that exchanges."""

import os

from engine.sys.libc import check, libc

_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2
_AT_FDCWD = -100


def rename_new(source: int, name: bytes, target: int, new_name: bytes) -> None:
    """Move `name` of the folder `source` to `new_name` of the folder `target`, where nothing is yet.

    Raises KernelError: EEXIST where something is.
    """
    check(
        libc.renameat2(source, name, target, new_name, _RENAME_NOREPLACE),
        "renameat2",
        new_name.decode(errors="replace"),
    )


def exchange(one: str, other: str) -> None:
    """Let each of the two paths, both of one file system, name what the other did, at once. Raises KernelError."""
    result = libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    check(result, "renameat2", one)
