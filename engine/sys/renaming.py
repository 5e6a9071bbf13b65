"""renameat2(2): a rename that replaces nothing."""

from engine.sys.libc import check, libc

_RENAME_NOREPLACE = 1


def rename_new(source: int, name: bytes, target: int, new_name: bytes) -> None:
    """Move `name` of the folder `source` to `new_name` of the folder `target`, where nothing is yet.

    Raises KernelError: EEXIST where something is.
    """
    check(
        libc.renameat2(source, name, target, new_name, _RENAME_NOREPLACE),
        "renameat2",
        new_name.decode(errors="replace"),
    )
