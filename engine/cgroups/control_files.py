"""Reads and writes the kernel's control files: one value or one table per file, and a write is taken whole or not."""

import os
from pathlib import Path

from engine.errors import KernelError, Unsupported

_ENOENT, _EBUSY, _ENODEV, _EOPNOTSUPP = 2, 16, 19, 95


def write(path: str, *values: str) -> None:
    """Write each value in one call. Raises Unsupported where the group has no such file, KernelError if refused."""
    fd = _open(path, values[0])
    try:
        for value in values:
            os.write(fd, value.encode() or b"\n")
    except OSError as error:
        raise KernelError(f"write {value!r}", error.errno or 0, path) from None
    finally:
        os.close(fd)


def write_if_there(path: str, value: str) -> None:
    """The same, but a file that is not there, or whose group has just gone, is left alone."""
    try:
        write(path, value)
    except (Unsupported, KernelError):
        if os.path.exists(path):
            raise


def _open(path: str, value: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        if not os.path.isdir(os.path.dirname(path)):
            raise KernelError("open", _ENOENT, path) from None
        raise Unsupported(
            f"This host's kernel has no control file {os.path.basename(path)}, so it cannot keep {value!r}.",
            hint="Enable what offers it in the kernel, or do without that limit.",
        ) from None
    except OSError as error:
        raise KernelError("open", error.errno or 0, path) from None


def read(path: str | Path) -> str:
    """The file's text; empty where there is no such file or the group has just gone."""
    try:
        with open(path) as file:
            return file.read()
    except OSError as error:
        if error.errno in (_ENOENT, _ENODEV, _EOPNOTSUPP):
            return ""
        raise KernelError("read", error.errno or 0, str(path)) from None


def read_number(path: str) -> int | None:
    """The file's one number; None where there is none, which `max` and -1 mean too."""
    text = read(path).strip()
    return int(text) if text.isdecimal() else None


def read_table(path: str) -> dict[str, int]:
    """A file of lines `name number`."""
    lines = (line.split() for line in read(path).splitlines())
    return {fields[0]: int(fields[1]) for fields in lines if len(fields) == 2}


def make_folder(path: str) -> None:
    """Make a group where there is none."""
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    except OSError as error:
        raise KernelError("mkdir", error.errno or 0, path) from None


def make_fresh_folder(path: str) -> None:
    """Make a group; one that is there would carry the last run's limits and counters."""
    try:
        os.mkdir(path)
    except FileExistsError:
        remove_folder(path)
        make_folder(path)
    except OSError as error:
        raise KernelError("mkdir", error.errno or 0, path) from None


def remove_folder(path: str) -> None:
    """Remove a group, and those a container made inside it. KernelError EBUSY while one has processes."""
    if not _is_removed(path):
        for folder, _, _ in os.walk(path, topdown=False):
            if not _is_removed(folder):
                raise KernelError("rmdir", _EBUSY, folder)


def _is_removed(path: str) -> bool:
    """Remove a group; false while there are others, or processes, in it."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno != _EBUSY:
            raise KernelError("rmdir", error.errno or 0, path) from None
        return False
    return True
