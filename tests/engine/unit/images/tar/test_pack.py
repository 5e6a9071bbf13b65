"""Packing files that change while they are read: what was announced is what comes, and nothing else is touched."""

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.images.tar.pack import Packer
from engine.images.tar.reader import TarReader
from engine.rootfs.ids import Ids
from engine.rootfs.walk import Found


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Found]:
    """A file of five bytes."""
    (tmp_path / "file").write_bytes(b"12345")
    folder = os.open(tmp_path, os.O_RDONLY)
    yield Found(b"file", folder, b"file", os.lstat(tmp_path / "file"))
    os.close(folder)


def members(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.getmembers()


def pack(found: Found) -> bytes:
    packer = Packer(Ids())
    return b"".join(packer.entry(b"name", found)) + packer.end()


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "nothing", "socket"])
def test_what_took_a_files_place_is_not_opened_and_leaves_no_entry(tmp_path: Path, found: Found, kind: str) -> None:
    path = tmp_path / "file"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)  # to open it would wait for a writer
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        import socket

        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
    assert members(pack(found)) == []


@pytest.mark.parametrize("change", [b"", b"12", b"1234567890"])
def test_a_file_that_changes_behind_its_header_comes_as_long_as_was_said(
    tmp_path: Path, found: Found, change: bytes
) -> None:
    packer = Packer(Ids())
    pieces = packer.entry(b"name", found)
    data = next(pieces)
    (tmp_path / "file").write_bytes(change)
    data += b"".join(pieces) + packer.end()
    reader = TarReader(io.BytesIO(data))
    [entry] = [(entry.name, entry.size, b"".join(reader.chunks())) for entry in reader]
    assert entry == (b"name", 5, change[:5].ljust(5, b"\0"))


def test_a_link_that_became_a_file_leaves_no_entry(tmp_path: Path, found: Found) -> None:
    os.symlink("target", tmp_path / "link")
    link = found._replace(name=b"link", info=os.lstat(tmp_path / "link"))
    [member] = members(pack(link))
    assert member.linkname == "target"
    (tmp_path / "link").unlink()
    (tmp_path / "link").write_text("a file now")
    assert members(pack(link)) == []


def test_names_of_one_file_are_links_to_the_first(tmp_path: Path, found: Found) -> None:
    os.link(tmp_path / "file", tmp_path / "other")
    packer = Packer(Ids())
    again = found._replace(name=b"other", info=os.lstat(tmp_path / "other"))
    data = b"".join([*packer.entry(b"a", found), *packer.entry(b"b", again), packer.end()])
    first, second = members(data)
    assert (first.type, second.type, second.linkname) == (tarfile.REGTYPE, tarfile.LNKTYPE, "a")


def test_holes_stay_holes(tmp_path: Path, found: Found) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(10 << 20)
        file.seek(4 << 20)
        file.write(b"x" * 4096)
    data = pack(found)
    assert len(data) < 64 << 10
    reader = TarReader(io.BytesIO(data))
    [entry] = list(reader)
    assert entry.size == 10 << 20
    assert entry.segments == ((4 << 20, 4096),)
