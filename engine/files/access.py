"""Changes whom files belong to and who may do what with them."""

import os
import re
import stat
from collections.abc import Sequence

from engine.errors import Conflict, InvalidArchive, InvalidSpec
from engine.files.addresses import shown
from engine.files.owners import Owners
from engine.files.removing import checked
from engine.files.tree import Spot, Tree
from engine.rootfs.ids import IdMap
from engine.rootfs.walk import walk
from engine.spec.browsing import AccessChange

_MODE = re.compile(r"[0-7]{3,4}")
_PEEK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def change_access(tree: Tree, addresses: Sequence[str], change: AccessChange) -> None:
    """Change each of the paths, a link itself. Raises NotFound, InvalidSpec, Conflict."""
    if change.mode and not _MODE.fullmatch(change.mode):
        raise InvalidSpec("mode", f"{change.mode[:40]!a} is not three or four octal digits", hint="For example 644.")
    if not (change.mode or change.owner or change.group):
        raise InvalidSpec("mode", "nothing is to be changed", hint="Give a mode, an owner or a group.")
    owners = Owners.read(tree)
    uid = _outside("owner", tree.ids.users, owners.user(change.owner)) if change.owner else -1
    gid = _outside("group", tree.ids.groups, owners.group(change.group)) if change.group else -1
    mode = int(change.mode, 8) if change.mode else None
    for path in checked(addresses):
        with tree.changing(path) as spot:
            _refuse_hosts_device(spot, path)
            _change(spot, uid, gid, mode)
            if change.is_recursive:
                _change_below(spot, uid, gid, mode)


def _outside(field: str, ids: IdMap, inside: int) -> int:
    try:
        return ids.to_outside(inside)
    except InvalidArchive as error:
        raise InvalidSpec(field, f"{inside} is none of the ids there are inside", hint=error.hint) from error


def _refuse_hosts_device(spot: Spot, path: bytes) -> None:
    """A device that is mounted may be the host's own node: its mode there would change with it."""
    info = spot.lstat()
    if info is not None and (stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode)) and spot.is_mount():
        raise Conflict(f"{shown(path[:200])} is a device of the host's.", hint="Change it on the host.")


def _change_below(spot: Spot, uid: int, gid: int, mode: int | None) -> None:
    info = spot.lstat()
    if info is None or not stat.S_ISDIR(info.st_mode):
        return
    folder = os.open(spot.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=spot.folder)
    mounted: set[bytes] = set()
    try:
        for found in walk(folder, enters=lambda found: found.path not in mounted):
            below = Spot(found.folder, found.name)
            if below.is_mount():
                mounted.add(found.path)
            else:
                _change(below, uid, gid, mode)
    finally:
        os.close(folder)


def _change(spot: Spot, uid: int, gid: int, mode: int | None) -> None:
    peek = os.open(spot.name, _PEEK, dir_fd=spot.folder)
    try:
        is_link = stat.S_ISLNK(os.fstat(peek).st_mode)
        if (uid, gid) != (-1, -1):
            os.chown(spot.name, uid, gid, dir_fd=spot.folder, follow_symlinks=False)
        if mode is not None and not is_link:  # after the owner: chown(2) clears set-id bits
            os.chmod(f"/proc/self/fd/{peek}", mode)
    finally:
        os.close(peek)
