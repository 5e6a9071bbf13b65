"""Tars are read as tar itself and Python write them; what is damaged is refused, never taken for the end."""

import io
import subprocess
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidArchive
from engine.images.tar.reader import MAXIMUM_EXTENSION_BYTES, Entry, Kind, TarReader
from engine.images.tar.streams import Section, buffered
from tests import images


def read(data: bytes) -> list[tuple[Entry, bytes]]:
    """Every entry with its stored data."""
    reader = TarReader(buffered(Section(io.BytesIO(data), 0, len(data))))
    return [(entry, b"".join(reader.chunks())) for entry in reader]


def content(entry: Entry, stored: bytes) -> bytes:
    """A file's bytes with its holes filled in."""
    if entry.segments is None:
        return stored
    whole, position = bytearray(entry.size), 0
    for offset, length in entry.segments:
        whole[offset : offset + length] = stored[position : position + length]
        position += length
    return bytes(whole)


FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_entries(name: str) -> None:
    entries = [
        images.directory("d", mode=0o2755, owner=7),
        images.file("d/" + "long/" * 18 + "f", b"x" * 1000, mode=0o4755),
        images.symlink("s", "d"),
        images.hard_link("h", "s"),
        images.fifo("p"),
        images.device("null", 1, 3),
    ]
    (folder, _), (file, data), (link, _), (hard, _), (pipe, _), (null, _) = read(
        images.layer(*entries, format=FORMATS[name])
    )
    assert (folder.kind, folder.mode, folder.uid, folder.name.rstrip(b"/")) == (Kind.DIRECTORY, 0o2755, 7, b"d")
    assert (file.mode, file.size, file.mtime_ns) == (0o4755, 1000, 1_700_000_000_000_000_000)
    assert file.name == b"d/" + b"long/" * 18 + b"f"
    assert data == b"x" * 1000
    assert [(entry.kind, entry.target) for entry in (link, hard)] == [(Kind.SYMLINK, b"d"), (Kind.HARD_LINK, b"s")]
    assert (pipe.kind, null.kind, null.major, null.minor) == (Kind.FIFO, Kind.CHARACTER_DEVICE, 1, 3)


@pytest.mark.parametrize("name", ["gnu", "pax"])
def test_names_and_numbers_too_large_for_a_header_are_read(name: str) -> None:
    long_name, target = "n" * 200 + "/" + "ü" * 100, "t" * 300
    file = images.file(long_name, b"x", owner=3_000_000_000)
    (entry, _), (link, _) = read(images.layer(file, images.symlink("l", target), format=FORMATS[name]))
    assert (entry.name.decode(), entry.uid, link.target.decode()) == (long_name, 3_000_000_000, target)


def test_times_are_read_to_the_nanosecond_and_before_1970() -> None:
    info, _ = images.file("a")
    info.pax_headers = {"mtime": "-1.250000001"}
    assert read(images.layer((info, b"")))[0][0].mtime_ns == -1_250_000_001


def test_extended_attributes_are_read_as_bytes() -> None:
    (entry, _), (other, _) = read(images.layer(images.file("a", xattrs={"user.x": "1\n2=3"}), images.file("b")))
    assert entry.xattrs == {"user.x": b"1\n2=3"}
    assert other.xattrs == {}


SPARSE = {
    "old GNU": ["--format=gnu"],
    "PAX 0.0": ["--format=posix", "--sparse-version=0.0"],
    "PAX 0.1": ["--format=posix", "--sparse-version=0.1"],
    "PAX 1.0": ["--format=posix", "--sparse-version=1.0"],
}


@pytest.mark.parametrize("kind", SPARSE)
def test_sparse_files_of_gnu_tar_keep_their_holes(tmp_path: Path, kind: str) -> None:
    with (tmp_path / "holes").open("wb") as file:
        for number in range(40):  # more than the four segments an old header holds
            file.seek(number * 65536)
            file.write(b"%d" % number * 100)
        file.truncate(5 << 20)
    (tmp_path / "empty").touch()
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(1 << 20)
    command = ["tar", "-C", str(tmp_path), "--sparse", *SPARSE[kind], "-cf", "-", "empty", "hole", "holes"]
    found = read(subprocess.run(command, check=True, capture_output=True).stdout)
    assert [entry.name for entry, _ in found] == [b"empty", b"hole", b"holes"]
    assert content(*found[2]) == (tmp_path / "holes").read_bytes()
    assert (found[1][0].size, len(found[1][1])) == (1 << 20, 0)
    assert len(found[2][1]) < 1 << 20


def _header(*, at: int = 0, data: bytes = b"", kind: bytes = b"0") -> bytes:
    """A header with some bytes replaced and a right checksum."""
    info = tarfile.TarInfo("a")
    info.type = kind
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[at : at + len(data)] = data
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + sum(block[156:]) + 256)
    return bytes(block)


def _pax(records: bytes) -> bytes:
    header = _header(at=124, data=b"%011o\0" % len(records), kind=b"x")
    return header + records + bytes(-len(records) % 512) + _header() + bytes(1024)


DAMAGED = {
    "a wrong checksum": (_header()[:-1] + b"x", "checksum"),
    "half a header": (_header()[:300], "truncated"),
    "letters for a number": (_header(at=100, data=b"abc"), "octal"),
    "a sign before a number": (_header(at=100, data=b"-0000001"), "octal"),
    "a negative size": (_header(at=124, data=b"\xff" * 11 + b"\xfe"), "size of -2"),
    "more data than there is": (_header(at=124, data=b"00000002000\0") + b"x" * 100, "truncated"),
    "a type nobody knows": (_header(kind=b"Z"), "type b'Z'"),
    "an extension and nothing after": (_header(at=124, data=b"0" * 11, kind=b"x"), "ends after"),
    "a huge extension": (_header(at=124, data=b"77777777777", kind=b"x"), f"{MAXIMUM_EXTENSION_BYTES} is the limit"),
    "a huge long name": (_header(at=124, data=b"77777777777", kind=b"L"), "is the limit"),
    "a PAX record that is too long": (_pax(b"99 path=x\n"), "damaged PAX"),
    "a PAX record of no length": (_pax(b"0 path=x\n"), "damaged PAX"),
    "a PAX record without an end": (_pax(b"10 path=xx"), "damaged PAX"),
    "a PAX size that is none": (_pax(b"11 size=ab\n"), "where a number"),
    "a PAX time that is none": (_pax(b"13 mtime=1e9\n"), "where a time"),
    "a PAX name with a NUL": (_pax(b"12 path=a\0b\n"), "NUL"),
    "a sparse map that lies": (_pax(b"22 GNU.sparse.size=10\n" + b"22 GNU.sparse.map=0,9\n"), "does not fit"),
    "a sparse map that overlaps": (_pax(b"22 GNU.sparse.size=10\n" + b"26 GNU.sparse.map=5,0,2,0\n"), "overlap"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damage_is_told_and_never_taken_for_the_end(what: str) -> None:
    data, reason = DAMAGED[what]
    with pytest.raises(InvalidArchive, match=reason):
        read(images.layer(images.file("first", b"x"))[:1024] + data)


def test_whether_the_archive_was_closed_is_told() -> None:
    data = images.layer(images.file("a", b"x"))
    for archive, is_closed in ((data, True), (data[:1024], False)):
        reader = TarReader(buffered(Section(io.BytesIO(archive), 0, len(archive))))
        assert len(list(reader)) == 1
        assert reader.has_end_marker is is_closed


@given(st.binary(max_size=2048))
def test_any_bytes_are_either_read_or_refused(data: bytes) -> None:
    with suppress(InvalidArchive):
        read(data)


_WHOLE = images.layer(
    images.file("a" * 150, b"x" * 700, xattrs={"user.x": "y"}), images.symlink("l", "t"), images.directory("d")
)


@given(st.lists(st.tuples(st.integers(0, len(_WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_change_of_a_tar_is_either_read_or_refused(changes: list[tuple[int, int]]) -> None:
    data = bytearray(_WHOLE)
    for position, value in changes:
        data[position] = value
    for start in range(0, len(data), 512):  # so that more than the checksum is tried
        block = data[start : start + 512]
        if block[257:262] == b"ustar":
            data[start + 148 : start + 156] = b"%06o\0 " % (sum(block[:148]) + sum(block[156:]) + 256)
    with suppress(InvalidArchive):
        read(bytes(data))
