"""Reads a container's log: what is there by now, or that and everything that comes until the run ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

from engine.errors import InvalidSpec
from engine.logs.cursor import parse_cursor
from engine.logs.follower import follow
from engine.logs.forms import form_of
from engine.logs.lines import LogBatch
from engine.logs.scan import Scan, Selection
from engine.logs.segments import Segments


class LogReader:
    """The log in one folder; a folder that is not there is an empty log.

    Lines are put together for each stream by itself. A line over 16 KiB comes in partial lines; so does a line that is
    not finished when the reader has nothing else to deliver (`read`), when the run ends, or when nothing has come for
    `engine.logs.follower.QUIET_S` (`follow`): a prompt is seen. The rest then comes as the next line of that stream.
    Joining the texts of a stream, with a newline behind each that is not partial, gives exactly what was written.
    """

    def __init__(self, folder: Path, driver: str = "local") -> None:
        """The log of a container with this log driver."""
        self._folder = folder
        self._form = form_of(driver)

    def read(
        self,
        *,
        tail: int | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        after: str | None = None,
    ) -> Iterator[LogBatch]:
        """What is there by now, in batches that are never empty; arguments as in `engine.logs.scan.Selection`.

        `after` is a batch's cursor. Raises `InvalidSpec` at once for one that is none, and for a negative `tail`. If
        segments that a cursor still had to read are gone, a line of stream "unknown" says so.
        """
        return _read(self._folder, self._form, _selection(tail, since_ns, until_ns, after))

    def follow(
        self,
        *,
        tail: int | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        after: str | None = None,
    ) -> AsyncGenerator[LogBatch, None]:
        """What is there by now, then what comes, until the run of the container ends; at once if none is going on.

        It also ends when `until_ns` has come. Arguments and errors as for `read`. Close it (`aclose`) if you leave it
        before its end. A consumer that is slow slows only itself: it keeps up to 1 GiB of segments from rotation, past
        that a line says that output was lost.
        """
        return follow(self._folder, _selection(tail, since_ns, until_ns, after), self._form)


def _read(folder: Path, form: type[Segments], selection: Selection) -> Iterator[LogBatch]:
    scan = Scan(folder, selection, form)
    try:
        while (batch := scan.next_batch()) is not None:
            if batch.lines:
                yield batch
        if (batch := scan.flush()) is not None and batch.lines:
            yield batch
    finally:
        scan.close()


def _selection(tail: int | None, since_ns: int | None, until_ns: int | None, after: str | None) -> Selection:
    if tail is not None and tail < 0:
        raise InvalidSpec("tail", f"{tail} lines cannot be read", hint="give 0 or more, or leave it out for all")
    return Selection(tail, since_ns, until_ns, parse_cursor(after) if after is not None else None)
