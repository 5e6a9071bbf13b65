"""A list of system calls as `floor.c` reads it."""

import os
import struct
from pathlib import Path

from engine.sys import mount
from engine.sys.syscalls import syscall_number

ARCH = 0xC000003E  # AUDIT_ARCH_X86_64
READ, WRITE = os.O_RDONLY | os.O_CLOEXEC, os.O_WRONLY | os.O_CLOEXEC
CLONE = mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC


class Result:
    """What a call will have returned."""

    def __init__(self, line: int) -> None:
        self.line = line


class Buffer:
    """Room for what is read."""


class Filter:
    """The seccomp program in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path


BUFFER = Buffer()
Argument = int | str | bytes | Result | Buffer | Filter


class Calls:
    """The list as it grows."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def call(self, name: str, *arguments: Argument, may_fail: bool = False) -> Result:
        """One more call; its result."""
        number = syscall_number(name, ARCH)
        assert number is not None, name
        return self.number(number, *arguments, may_fail=may_fail)

    def number(self, number: int, *arguments: Argument, may_fail: bool = False) -> Result:
        """One more call by its number; its result."""
        place = sum(not line.startswith("clone") for line in self.lines)
        self.lines.append("\t".join([str(number), str(int(may_fail)), *map(_text, arguments)]))
        return Result(place)

    def clone(self, flags: int, group: Result | None) -> None:
        """What follows is the child's."""
        self.lines.append("\t".join(["clone", str(flags), *([_text(group)] if group else [])]))

    def open(self, path: str, flags: int, mode: int = 0o600) -> Result:
        """openat(2)."""
        return self.call("openat", mount.AT_FDCWD, path, flags, mode)

    def close(self, *descriptors: Result) -> None:
        """close(2) of each."""
        for fd in descriptors:
            self.call("close", fd)

    def read(self, path: str, *, may_fail: bool = False) -> None:
        """A whole small file."""
        fd = self.call("openat", mount.AT_FDCWD, path, READ, may_fail=may_fail)
        self.call("read", fd, BUFFER, 65536, may_fail=may_fail)
        self.call("close", fd, may_fail=may_fail)

    def write(self, path: str, *texts: str, flags: int = WRITE) -> None:
        """Each text in a write of its own."""
        fd = self.open(path, flags)
        for text in texts:
            self.call("write", fd, text or "\n", len(text) or 1)
        self.close(fd)

    def setattr(self, fd: Result, attr_set: int, propagation: int, user_namespace: int, flags: int = 0) -> None:
        """mount_setattr(2)."""
        attributes = struct.pack("<4Q", attr_set, 0, propagation, user_namespace)
        self.call("mount_setattr", fd, "", flags | mount.AT_EMPTY_PATH, attributes, len(attributes))

    def shifted(self, path: str, user_namespace: int) -> Result:
        """A detached copy of the mount at `path`, ids shifted."""
        fd = self.call("open_tree", mount.AT_FDCWD, path, CLONE)
        self.setattr(fd, mount.MOUNT_ATTR_IDMAP, 0, user_namespace)
        return fd

    def prctl(self, *arguments: int) -> None:
        """prctl(2)."""
        self.call("prctl", *(*arguments, 0, 0, 0, 0)[:5])


def _text(argument: Argument) -> str:
    match argument:
        case int():
            return f"i{argument}"
        case str():
            return f"s{argument}"
        case bytes():
            return f"x{argument.hex()}"
        case Result():
            return f"r{argument.line}"
        case Buffer():
            return "b"
        case Filter():
            return f"f{argument.path}"
