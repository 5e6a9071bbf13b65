"""What a reader makes of a log: lines, cursors, tails, and what it says about output that is gone."""

import itertools
import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidSpec
from engine.logs.format import STDERR, STDOUT
from engine.logs.lines import LINE_BYTES, LogBatch, LogLine
from engine.logs.reader import LogReader
from engine.logs.writer import LogWriter

Write = tuple[int, bytes]

# Pieces with and without newlines, some over the length of a partial line, some of characters of several bytes.
_data = st.one_of(
    st.binary(min_size=1, max_size=40),
    st.lists(st.sampled_from([b"a", b"\n", "界".encode(), b"\xff"]), min_size=1, max_size=30).map(b"".join),
    st.builds(lambda unit, times: unit * times, st.sampled_from([b"x", "界".encode(), b"y\n"]), st.integers(1, 50_000)),
)
_writes = st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), _data), max_size=25)


def write_log(folder: Path, writes: Iterable[Write], *, segment_bytes: int = 16 << 20, segments: int = 8) -> None:
    writer = LogWriter(str(folder), segment_bytes=segment_bytes, segments=segments)
    for stream, data in writes:
        writer.write(data, stream)
    writer.mark_end(1)
    writer.close()


def joined(lines: Iterable[LogLine], stream: str) -> bytes:
    """The bytes of a stream, put together again from its lines."""
    return b"".join(line.text + (b"" if line.is_partial else b"\n") for line in lines if line.stream == stream)


def lines_of(batches: Iterable[LogBatch]) -> list[LogLine]:
    return [line for batch in batches for line in batch.lines]


def texts(folder: Path, **selection: int | str | None) -> list[bytes]:
    return [line.text for line in lines_of(LogReader(folder).read(**selection))]  # type: ignore[arg-type]


@given(writes=_writes, segment_bytes=st.integers(50, 100_000))
@settings(max_examples=60, deadline=None)
def test_joining_the_lines_of_a_stream_gives_what_was_written(writes: list[Write], segment_bytes: int) -> None:
    with TemporaryDirectory() as folder:
        write_log(Path(folder), writes, segment_bytes=segment_bytes, segments=1000)
        lines = lines_of(LogReader(Path(folder)).read())
        for number, name in ((STDOUT, "stdout"), (STDERR, "stderr")):
            assert joined(lines, name) == b"".join(data for stream, data in writes if stream == number)
        assert all(len(line.text) <= LINE_BYTES for line in lines)
        assert all(not line.is_partial or line.text for line in lines)


@given(writes=_writes, cuts=st.lists(st.integers(0, 25), max_size=6), segment_bytes=st.integers(50, 100_000))
@settings(max_examples=60, deadline=None)
def test_going_on_behind_a_cursor_repeats_and_misses_nothing(
    writes: list[Write], cuts: list[int], segment_bytes: int
) -> None:
    with TemporaryDirectory() as folder:
        writer = LogWriter(folder, segment_bytes=segment_bytes, segments=1000)
        lines: list[LogLine] = []
        cursor: str | None = None
        for number, (stream, data) in enumerate(writes):
            writer.write(data, stream)
            if number in cuts:
                # Leave after some batch in the middle of what is there, as a browser does that loses its connection.
                for batch in itertools.islice(LogReader(Path(folder)).read(after=cursor), 1 + number % 3):
                    lines += batch.lines
                    cursor = batch.cursor
        writer.close()
        lines += lines_of(LogReader(Path(folder)).read(after=cursor))
        for number, name in ((STDOUT, "stdout"), (STDERR, "stderr")):
            assert joined(lines, name) == b"".join(data for stream, data in writes if stream == number)


@given(writes=_writes, segment_bytes=st.integers(50, 100_000))
@settings(max_examples=25, deadline=None)
def test_every_cursor_of_a_log_leads_to_exactly_the_rest(writes: list[Write], segment_bytes: int) -> None:
    with TemporaryDirectory() as folder:
        write_log(Path(folder), writes, segment_bytes=segment_bytes, segments=1000)
        batches = list(LogReader(Path(folder)).read())
        for number, batch in enumerate(batches, 1):
            rest = lines_of(LogReader(Path(folder)).read(after=batch.cursor))
            assert rest == lines_of(batches[number:])


_short_lines = st.lists(
    st.tuples(
        st.sampled_from([STDOUT, STDERR]),
        st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\n\n"]), min_size=1, max_size=6).map(b"".join),
    ),
    max_size=25,
)


def ends_of_lines(writes: list[Write]) -> dict[str, list[int]]:
    """For each stream, the offsets in the log of the last bytes of its lines."""
    ends: dict[str, list[int]] = {"stdout": [], "stderr": []}
    offset, last = 0, {"stdout": -1, "stderr": -1}
    for stream, data in writes:
        name = {STDOUT: "stdout", STDERR: "stderr"}[stream]
        for byte in data:
            last[name] = -1 if byte == ord("\n") else offset
            if byte == ord("\n"):
                ends[name].append(offset)
            offset += 1
    for name, end in last.items():
        ends[name] += [end] if end >= 0 else []
    return ends


@given(writes=_short_lines, count=st.integers(0, 30), segment_bytes=st.integers(50, 500))
@settings(max_examples=100, deadline=None)
def test_a_tail_is_the_lines_whose_last_bytes_were_written_last(
    writes: list[Write], count: int, segment_bytes: int
) -> None:
    with TemporaryDirectory() as folder:
        write_log(Path(folder), writes, segment_bytes=segment_bytes, segments=1000)
        whole = lines_of(LogReader(Path(folder)).read())
        tail = lines_of(LogReader(Path(folder)).read(tail=count))
        last_bytes = ends_of_lines(writes)
        assert len(whole) == len(last_bytes["stdout"]) + len(last_bytes["stderr"])
        ended = [(last_bytes[line.stream].pop(0), line) for line in whole]
        wanted = sorted(end for end, _ in ended)[max(0, len(ended) - count) :]
        assert tail == [line for end, line in ended if end in wanted]


def test_a_line_has_the_time_of_its_first_piece(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    writer.write(b"be", STDOUT)
    writer.write(b"error\n", STDERR)
    writer.write(b"gun\n", STDOUT)
    writer.close()
    error, begun = lines_of(LogReader(tmp_path).read())
    assert (begun.text, error.text) == (b"begun", b"error")
    assert begun.time_ns <= error.time_ns


def test_a_long_line_comes_in_partial_lines_that_tear_no_character(tmp_path: Path) -> None:
    text = "界" * 20_000
    write_log(tmp_path, [(STDOUT, text.encode() + b"\n")])
    lines = lines_of(LogReader(tmp_path).read())
    assert "".join(line.text.decode() for line in lines) == text
    assert [line.is_partial for line in lines] == [True] * (len(lines) - 1) + [False]


def test_an_unfinished_line_does_not_run_into_the_next_run(tmp_path: Path) -> None:
    write_log(tmp_path, [(STDOUT, b"no newline")])
    write_log(tmp_path, [(STDOUT, b"next run\n")])
    assert texts(tmp_path) == [b"no newline", b"next run"]
    assert texts(tmp_path, tail=2) == [b"no newline", b"next run"]


def test_a_tail_of_a_large_log_reads_little_of_it(tmp_path: Path) -> None:
    write_log(tmp_path, [(STDOUT, b"line %d\n" % number) for number in range(100_000)])
    os.truncate(tmp_path / "1.data", 0)  # whatever is read of it would be reported as lost
    with (tmp_path / "1.data").open("r+b") as data:
        data.seek(sum(len(b"line %d\n" % number) for number in range(99_990)))
        data.write(b"".join(b"line %d\n" % number for number in range(99_990, 100_000)))
    assert texts(tmp_path, tail=3) == [b"line 99997", b"line 99998", b"line 99999"]


def test_segments_removed_before_a_cursor_came_back_are_told_of(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), segment_bytes=100, segments=2)
    writer.write(b"first\n", STDOUT)
    (batch,) = LogReader(tmp_path).read()
    for number in range(20):
        writer.write(b"%d %s\n" % (number, b"x" * 90), STDOUT)
    writer.close()
    lost, *lines = lines_of(LogReader(tmp_path).read(after=batch.cursor))
    assert (lost.stream, lost.text) == (
        "unknown",
        b"[older output was lost here: the log was rotated before it was read]",
    )
    assert [line.text.split()[0] for line in lines] == [b"18", b"19"]


def test_bytes_whose_record_a_crash_took_are_lines_of_an_unknown_stream(tmp_path: Path) -> None:
    write_log(tmp_path, [(STDOUT, b"whole\n")])
    with (tmp_path / "1.data").open("ab") as data:
        data.write(b"cut short")
    write_log(tmp_path, [(STDOUT, b"next\n")])
    assert [(line.stream, line.text, line.is_partial) for line in lines_of(LogReader(tmp_path).read())] == [
        ("stdout", b"whole", False),
        ("stdout", b"next", False),
        ("unknown", b"cut short", True),
    ]


def test_lines_are_chosen_by_their_time(tmp_path: Path) -> None:
    write_log(tmp_path, [(STDOUT, b"one\n"), (STDOUT, b"two\n"), (STDOUT, b"three\n")])
    one, two, three = (line.time_ns for line in lines_of(LogReader(tmp_path).read()))
    assert one < two < three
    assert texts(tmp_path, since_ns=two) == [b"two", b"three"]
    assert texts(tmp_path, until_ns=two) == [b"one"]


def test_a_folder_that_is_not_there_is_an_empty_log(tmp_path: Path) -> None:
    assert texts(tmp_path / "none") == texts(tmp_path / "none", tail=5) == []


@pytest.mark.parametrize(
    "cursor", ["", "1", "1.2.3.4", "1.2.3,9:1.2.3", "-1.0.0", "1.2.3\n", "9" * 500, "\N{ARABIC-INDIC DIGIT ONE}.0.0"]
)
def test_a_forged_cursor_is_refused(tmp_path: Path, cursor: str) -> None:
    with pytest.raises(InvalidSpec, match="is not a cursor"):
        list(LogReader(tmp_path).read(after=cursor))


@given(
    cursor=st.from_regex(
        r"[0-9]{1,12}\.[0-9]{1,12}\.[0-9]{1,12}(,[123]:[0-9]{1,12}\.[0-9]{1,3}\.[0-9]{1,3}){0,3}", fullmatch=True
    )
)
@settings(max_examples=50, deadline=None)
def test_a_well_formed_cursor_from_nowhere_does_no_harm(cursor: str) -> None:
    with TemporaryDirectory() as folder:
        write_log(Path(folder), [(STDOUT, b"one\ntwo\n"), (STDERR, b"three")])
        lines = lines_of(LogReader(Path(folder)).read(after=cursor))
        assert b"".join(line.text for line in lines if line.stream == "stdout") in b"onetwo"


def test_a_negative_tail_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="tail"):
        list(LogReader(tmp_path).read(tail=-1))


def test_a_reader_gives_its_files_back(tmp_path: Path) -> None:
    write_log(tmp_path, [(STDOUT, b"line\n")] * 10, segment_bytes=50, segments=100)
    before = len(os.listdir("/proc/self/fd"))
    list(LogReader(tmp_path).read())
    next(LogReader(tmp_path).read()).to_json()
    assert len(os.listdir("/proc/self/fd")) == before
