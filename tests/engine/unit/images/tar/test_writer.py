"""The tar writer: what it writes is read back the same, by the engine's reader and by Python's."""

import io
import tarfile

import pytest

from engine.images.tar.reader import Entry, Kind, TarReader
from engine.images.tar.writer import END, header, padding


def entry(name: bytes, kind: Kind = Kind.FILE, **fields: object) -> Entry:
    usual: dict[str, object] = {
        "mode": 0o644, "uid": 0, "gid": 0, "mtime_ns": 1_700_000_000_000_000_000, "size": 0, "target": b"",
        "major": 0, "minor": 0, "xattrs": {}, "segments": None,
    }  # fmt: skip
    return Entry(name=name, kind=kind, **usual | fields)  # type: ignore[arg-type]


ENTRIES = [
    entry(b"plain", size=3),
    entry(b"folder/", Kind.DIRECTORY, mode=0o1777),
    entry(b"link", Kind.SYMLINK, target=b"plain"),
    entry(b"again", Kind.HARD_LINK, target=b"plain"),
    entry(b"null", Kind.CHARACTER_DEVICE, major=1, minor=3),
    entry(b"disk", Kind.BLOCK_DEVICE, major=300, minor=100_000),
    entry(b"pipe", Kind.FIFO),
    entry(b"a/" * 90 + b"deep", mode=0o4755),
    entry("gr\u00fc\u00dfe".encode(), size=1),
    entry(b"odd \xff\xfe name", size=600),
    entry(b"l", Kind.SYMLINK, target=b"t" * 300),
    entry(b"owner", uid=3_000_000, gid=(1 << 32) - 2),
    entry(b"old", mtime_ns=-1_500_000_000),
    entry(b"fine", mtime_ns=1_700_000_000_123_456_789),
    entry(b"late", mtime_ns=(1 << 34) * 1_000_000_000),
    entry(b"attributes", xattrs={"user.a": b"\0\xff=\n", "security.capability": b"\1\0\0\2" + bytes(16)}),
    entry(b"x" * 99, Kind.DIRECTORY),
]


@pytest.mark.parametrize("written", ENTRIES, ids=lambda item: item.name[:12].decode(errors="replace"))
def test_an_entry_is_read_back_as_it_was_written(written: Entry) -> None:
    data = bytes(range(256)) * 3
    stream = io.BytesIO(header(written) + data[: written.size] + padding(written.size) + END)
    reader = TarReader(stream)
    for read in reader:
        expected = written.name + b"/" if written.kind is Kind.DIRECTORY else written.name
        assert (read.name.rstrip(b"/"), read.kind) == (expected.rstrip(b"/"), written.kind)
        for field in ("mode", "uid", "gid", "mtime_ns", "size", "target", "major", "minor", "xattrs", "segments"):
            assert getattr(read, field) == getattr(written, field), field
        assert b"".join(reader.chunks()) == data[: written.size]
    assert reader.has_end_marker


def test_another_reader_understands_every_entry() -> None:
    stream = io.BytesIO(b"".join(header(item) + bytes(item.size) + padding(item.size) for item in ENTRIES) + END)
    with tarfile.open(fileobj=stream, errors="surrogateescape") as tar:
        members = tar.getmembers()
    names = [item.name.rstrip(b"/").decode(errors="surrogateescape") for item in ENTRIES]
    assert [member.name for member in members] == names
    assert [member.uid for member in members] == [item.uid for item in ENTRIES]
    assert [member.size for member in members] == [item.size for item in ENTRIES]


@pytest.mark.parametrize(
    "segments", [(), ((0, 5),), ((4096, 3), (1 << 30, 700)), tuple((n * 8, 4) for n in range(500))]
)
def test_a_sparse_file_keeps_its_holes(segments: tuple[tuple[int, int], ...]) -> None:
    written = entry(b"n" * 120, size=1 << 31, segments=segments)
    stored = sum(length for _, length in segments)
    stream = io.BytesIO(header(written) + bytes(stored) + padding(stored) + END)
    [read] = [(item.name, item.size, item.segments) for item in TarReader(stream)]
    assert read == (written.name, 1 << 31, segments)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as tar:
        [member] = tar.getmembers()
    assert (member.name, member.size) == ("n" * 120, 1 << 31)


def test_the_same_entry_gives_the_same_bytes() -> None:
    one = entry(b"f", xattrs={"user.b": b"2", "user.a": b"1"}, mtime_ns=1)
    other = entry(b"f", xattrs={"user.a": b"1", "user.b": b"2"}, mtime_ns=1)
    assert header(one) == header(other)
