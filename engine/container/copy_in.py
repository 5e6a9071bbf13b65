"""copy in: a tar unpacked into a folder of a container."""

import errno
import io
import json
import os
import stat
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from engine.container import view
from engine.container.runtime import Runtime
from engine.container.view import Root
from engine.errors import Conflict, InvalidArchive
from engine.files.acting import as_root_of
from engine.images.limits import DiskSpace
from engine.images.tar.reader import Entry, Kind, TarReader
from engine.images.tar.root_tree import RootTree
from engine.images.tar.streams import DigestReader, Readable, buffered, compression_of, decompress, drain, reading
from engine.images.tar.tree import Parts, split
from engine.images.tar.unpack import Unpacker
from engine.rootfs.attributes import CAPABILITY
from engine.rootfs.ids import Ids
from engine.spec import runtime as oci

_RACED = (errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOTEMPTY)


def copy_in(
    runtime: Runtime,
    container_id: str,
    path: str,
    tar: BinaryIO,
    *,
    no_overwrite_dir_non_dir: bool,
    copy_uid_gid: bool,
) -> None:
    """Unpack `tar` (plain, gzip or zstd) into the folder at `path`, in its mounts too, running or not.

    Docker's rules: what is there is replaced, but for a folder by a folder; `no_overwrite_dir_non_dir` refuses to
    replace a folder by something else or the reverse; with `copy_uid_gid` all is given to the container's own user,
    else owners are those in the tar. Raises NotFound, InvalidSpec for what is no folder, Conflict for what is read-only
    or changed meanwhile, InvalidArchive naming the entry, StorageFull.
    """
    folder = runtime.folder(container_id)
    with ExitStack() as resources:
        target = view.open_to_write(runtime, container_id, resources)
        rules = _Rules(no_overwrite_dir_non_dir, _user(folder) if copy_uid_gid else None)
        as_root_of(target.ids, lambda: _unpack(target, path, tar, DiskSpace(folder), rules))


@dataclass(frozen=True)
class _Rules:
    refuses_other_kind: bool
    owner: tuple[int, int] | None
    """Whom everything is given to, None for those in the tar."""


def _user(folder: Path) -> tuple[int, int]:
    """The user and group that the container's program runs as."""
    process = oci.Spec.from_json(json.loads((folder / "config.json").read_bytes())).process
    return process.user.uid, process.user.gid


def _unpack(root: Root, path: str, tar: BinaryIO, space: DiskSpace, rules: _Rules) -> None:
    with RootTree.open(root.fd, path, root.ids) as tree, reading("the archive"):
        if os.fstatvfs(tree.root).f_flag & os.ST_RDONLY:
            raise _read_only(path)
        stored = _stream(tar)
        plain = _stream(decompress(stored, compression_of(stored, "it")))
        _CopyUnpacker(tree, space, ids=root.ids, rules=rules).unpack(TarReader(plain))
        drain(plain)


def _stream(source: Readable) -> io.BufferedReader:
    return buffered(DigestReader(source, on_read=lambda _: None, is_hashed=False))


def _read_only(path: str) -> Conflict:
    return Conflict(f"{path[:200]} is read-only in the container.", hint="Copy to a place that can be written.")


@dataclass(kw_only=True)
class _CopyUnpacker(Unpacker[RootTree]):
    """Unpacks by the rules of `copy_in`."""

    ids: Ids
    rules: _Rules

    def _take(self, entry: Entry, tar: TarReader) -> None:
        parts = self._split(entry.name)
        if not parts and entry.kind is Kind.DIRECTORY:
            return  # the folder itself stays as it is
        if self.rules.refuses_other_kind and parts:
            self._check_kind(parts, entry)
        self._place(parts, self._seen_from_outside(entry), tar)

    def _split(self, name: bytes) -> Parts:
        return split(name.lstrip(b"/"))

    def _check_kind(self, parts: Parts, entry: Entry) -> None:
        before = self.tree.own(parts)
        if before is None or stat.S_ISDIR(before.st_mode) == (entry.kind is Kind.DIRECTORY):
            return
        what = "a folder by something else" if stat.S_ISDIR(before.st_mode) else "something else by a folder"
        raise InvalidArchive(f"it would replace {what}", hint="Remove it first, or allow that it is overwritten.")

    def _seen_from_outside(self, entry: Entry) -> Entry:
        uid, gid = self.rules.owner or (entry.uid, entry.gid)
        xattrs = {name: self.ids.attribute_to_outside(name, value) for name, value in entry.xattrs.items()}
        return replace(entry, uid=self.ids.users.to_outside(uid), gid=self.ids.groups.to_outside(gid), xattrs=xattrs)

    def _set_attribute(self, fd: int, name: str, value: bytes) -> None:
        """As Docker does: what a mounted file system knows nothing of is left out, but for rights that a file lacks."""
        try:
            super()._set_attribute(fd, name, value)
        except OSError as error:
            if error.errno != errno.ENOTSUP or name == CAPABILITY:
                raise

    def _translated(self, error: OSError, name: str, kind: str) -> Exception:
        if error.errno == errno.EROFS:
            return _read_only(name)
        if error.errno in _RACED:
            return Conflict(f"The container changed {name} while it was copied.", hint="Copy again, or pause it first.")
        return super()._translated(error, name, kind)
