"""Mounts the file systems of volumes that have one, and sees when nobody needs it any more.

What a volume's options name, or its own file, is mounted on its `_data` in the host's mount namespace: containers get
copies of that mount. `mounted` in the volume's folder is held shared by whoever needs it for a moment, and exclusively
while it is mounted or taken away.
"""

import errno
import fcntl
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.errors import Conflict, InvalidSpec, KernelError, Unsupported
from engine.spec import mount_options
from engine.spec.volumes import NETWORKED, data_of, kind_of
from engine.sys import loop, mount
from engine.volumes.volume import DATA, DISK, Quota, Record

_ESCAPED = re.compile(r"\\([0-7]{3})")
_LOCK = "mounted"


def needs_mount(record: Record) -> bool:
    """Whether something has to be mounted before the volume can be used."""
    return bool(kind_of(record.options)) or record.quota is Quota.LOOP


@contextmanager
def used(folder: Path, record: Record, is_needed: Callable[[], bool]) -> Iterator[None]:
    """Have it there, and mounted, during the block; it stays mounted afterwards if it `is_needed` still.

    Raises KernelError, Unsupported.
    """
    fd = _hold(folder, record)
    try:
        yield
    finally:
        os.close(fd)
        if needs_mount(record):
            release(folder, is_needed)


@contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Have nobody else work in the volume, which is not mounted, during the block. Raises Conflict."""
    if not release(folder, lambda: False):
        raise Conflict(
            f"Volume {name} is mounted, and a program of the host works in it.",
            hint=f"Find it with: fuser -vm {folder / DATA}",
        )
    fd = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Conflict(
            f"Volume {name} is being copied or looked at.", hint="Wait until that has ended, or cancel it."
        ) from None
    finally:
        os.close(fd)


def _hold(folder: Path, record: Record) -> int:
    """A descriptor that holds the lock shared, with the volume mounted."""
    fd = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        while needs_mount(record) and not is_mounted(folder):
            fcntl.flock(fd, fcntl.LOCK_EX)
            if not is_mounted(folder):
                _mount(folder, record)
            fcntl.flock(fd, fcntl.LOCK_SH)  # for a moment it is held by nobody: so look again
    except BaseException:
        os.close(fd)
        raise
    return fd


def release(folder: Path, is_needed: Callable[[], bool]) -> bool:
    """Take the mount away unless somebody works with it or it `is_needed`; whether nothing is mounted now."""
    if not is_mounted(folder):
        return True
    fd = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False if is_needed() else _unmount(folder)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)


def is_mounted(folder: Path) -> bool:
    """Whether anything is mounted on the volume. The file system itself is not asked: its server may be gone."""
    return f"{os.path.realpath(folder)}/{DATA}" in _places()


def _places() -> set[str]:
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return {_ESCAPED.sub(lambda found: chr(int(found[1], 8)), line.split(" ", 5)[4]) for line in file}


def _unmount(folder: Path) -> bool:
    while is_mounted(folder):
        try:
            mount.umount2(str(folder / DATA), 0)
        except KernelError as error:
            if error.errno == errno.EBUSY:
                return False
            if error.errno != errno.EINVAL:  # gone by now
                raise
    return True


def _mount(folder: Path, record: Record) -> None:
    at = str(folder / DATA)
    if record.quota is Quota.LOOP:
        with loop.attached(folder / DISK) as device:
            mount.mount(device, at, "ext4", mount.MS_NODEV | mount.MS_NOSUID, "")
        return
    kind, words = kind_of(record.options), data_of(record.options)
    try:
        if kind == "bind":
            _bind(record.options["device"], at, words)
        else:
            options = mount_options.parse(words, "options.o")
            data = ",".join(_resolved(options.data) if kind in NETWORKED else options.data)
            mount.mount(record.options.get("device") or kind, at, kind, options.flags, data)
    except KernelError as error:
        raise _told(folder.name, kind, record, error) from error
    if options_propagation := mount_options.parse(words, "options.o").propagation:
        mount.mount("", at, "", options_propagation, "")


def _bind(device: str, at: str, words: tuple[str, ...]) -> None:
    options = mount_options.parse(words, "options.o")
    flags = mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | (mount.AT_RECURSIVE if options.is_recursive else 0)
    fd = mount.open_tree(device, flags)
    try:
        for change in options.changes:
            within = mount.AT_RECURSIVE if change.is_recursive else 0
            mount.mount_setattr_of(fd, within, change.attr_set, change.attr_clr, 0, device)
        mount.move_mount(fd, at)
    finally:
        os.close(fd)


def _told(name: str, kind: str, record: Record, error: KernelError) -> Exception:
    if error.errno == errno.ENODEV:
        return Unsupported(f"This kernel has no file system {kind}, which volume {name} is to be.")
    if error.errno in (errno.ENOENT, errno.ENOTDIR) and record.options.get("device", "").startswith("/"):
        why = f"{record.options['device'][:200]}, which volume {name} is to show, cannot be mounted: {error.message}"
        return InvalidSpec("options.device", why, hint="Make it on the host, or make the volume anew.")
    return error


def _resolved(data: tuple[str, ...]) -> Iterator[str]:
    """What the kernel takes, which mount.nfs(8) and mount.cifs(8) make of their options: addresses, credentials."""
    for word in data:
        name, _, value = word.partition("=")
        if name == "addr":
            yield f"addr={_address(value)}"
        elif name in ("credentials", "cred"):
            yield from _credentials(Path(value))
        else:
            yield word


def _address(host: str) -> str:
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise InvalidSpec("options.o", f"the server {host[:200]} is not found: {error}") from error


def _credentials(file: Path) -> Iterator[str]:
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSpec("options.o", f"the credentials {str(file)[:200]} cannot be read: {error}") from error
    for line in lines:
        name, is_said, value = line.strip().partition("=")
        if is_said and name in ("username", "user", "password", "pass", "domain", "dom"):
            yield f"{name}={value.replace(',', ',,')}"


def remove_lost_and_found(folder: Path) -> None:
    """A new file system has a folder of its own making, which nobody asked for."""
    with suppress(FileNotFoundError):
        os.rmdir(folder / DATA / "lost+found")
