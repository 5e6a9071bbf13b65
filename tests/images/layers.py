"""Layer tars, entry by entry; names and types are not checked, so that hostile ones can be made too."""

import io
import tarfile
from collections.abc import Mapping

Entry = tuple[tarfile.TarInfo, bytes]
MTIME = 1_700_000_000


def layer(*entries: Entry, format: int = tarfile.PAX_FORMAT) -> bytes:  # noqa: A002 - tarfile's own word
    """An uncompressed tar of the entries, in this order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def file(
    name: str, data: bytes = b"", *, mode: int = 0o644, owner: int = 0, xattrs: Mapping[str, str] | None = None
) -> Entry:
    """A regular file; `xattrs` are written as PAX `SCHILY.xattr.` records."""
    info = _info(name, tarfile.REGTYPE, mode, owner)
    info.size = len(data)
    info.pax_headers = {f"SCHILY.xattr.{key}": value for key, value in (xattrs or {}).items()}
    return info, data


def directory(name: str, *, mode: int = 0o755, owner: int = 0) -> Entry:
    """A directory."""
    return _info(name, tarfile.DIRTYPE, mode, owner), b""


def symlink(name: str, target: str) -> Entry:
    """A symbolic link."""
    info = _info(name, tarfile.SYMTYPE, 0o777, 0)
    info.linkname = target
    return info, b""


def hard_link(name: str, target: str) -> Entry:
    """Another name for an earlier entry."""
    info = _info(name, tarfile.LNKTYPE, 0o644, 0)
    info.linkname = target
    return info, b""


def fifo(name: str) -> Entry:
    """A named pipe."""
    return _info(name, tarfile.FIFOTYPE, 0o600, 0), b""


def device(name: str, major: int, minor: int, *, is_block: bool = False) -> Entry:
    """A device node."""
    info = _info(name, tarfile.BLKTYPE if is_block else tarfile.CHRTYPE, 0o666, 0)
    info.devmajor, info.devminor = major, minor
    return info, b""


def whiteout(path: str) -> Entry:
    """Takes `path` of the lower layers away (OCI image specification, layer.md)."""
    parent, _, name = path.rpartition("/")
    return file(f"{parent}/.wh.{name}" if parent else f".wh.{name}")


def opaque(path: str) -> Entry:
    """Hides everything the lower layers have in the directory `path`."""
    return file(f"{path}/.wh..wh..opq")


def _info(name: str, kind: bytes, mode: int, owner: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid, info.mtime = kind, mode, owner, owner, MTIME
    return info
