"""Packs documents and blobs into a tar that tells nothing of when or where it was made."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import DamagedStore
from engine.images.layers.plain import open_plain
from engine.images.tar.reader import CHUNK, Entry, Kind
from engine.images.tar.writer import END, header, padding


@dataclass(frozen=True)
class Member:
    """One file of `size` bytes: `data` itself, a file's content, or the plain form of a stored layer (`is_plain`)."""

    size: int
    data: bytes = b""
    file: Path | None = None
    is_plain: bool = False


def packed(folders: tuple[str, ...], members: Mapping[str, Member]) -> Generator[bytes, None, None]:
    """The tar in pieces of at most 1 MiB. Raises DamagedStore where a file is not what it was announced as."""
    for folder in folders:
        yield header(_entry(folder, Kind.DIRECTORY, 0o755, 0))
    for name, member in members.items():
        yield header(_entry(name, Kind.FILE, 0o644, member.size))
        yield from _content(name, member)
        yield padding(member.size)
    yield END


def _content(name: str, member: Member) -> Iterator[bytes]:
    if member.file is None:
        yield member.data
        return
    left = member.size
    with open_plain(member.file) if member.is_plain else member.file.open("rb", buffering=0) as file:
        while left >= 0 and (piece := file.read(CHUNK)):
            left -= len(piece)
            yield piece
    if left:
        raise DamagedStore(f"{name} is not as long as it was when it was stored", hint="Load the image again.")


def _entry(name: str, kind: Kind, mode: int, size: int) -> Entry:
    return Entry(name.encode(), kind, mode, 0, 0, 0, size, b"", 0, 0, {}, None)
