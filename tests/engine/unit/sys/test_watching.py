"""Watching: an inotify descriptor is borrowed, and the next borrower hears nothing of what the last one watched."""

import asyncio
import os
import select
from pathlib import Path

import pytest

from engine.errors import KernelError
from engine.logs.changes import Changes
from engine.sys.inotify import IN_MOVED_TO, read_events
from engine.sys.watching import Watching

INOTIFY = "anon_inode:inotify"


def move_into(folder: Path, name: str) -> None:
    (folder.parent / name).touch()
    (folder.parent / name).rename(folder / name)


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "one", tmp_path / "two"]
    for folder in made:
        folder.mkdir()
    return made


def test_it_tells_of_the_path_it_watches(folders: list[Path]) -> None:
    with Watching(str(folders[0]), IN_MOVED_TO) as fd:
        move_into(folders[0], "here")
        assert [event.name for event in read_events(fd)] == ["here"]


def test_the_next_hears_nothing_of_the_last_ones_path(folders: list[Path]) -> None:
    with Watching(str(folders[0]), IN_MOVED_TO) as first:
        move_into(folders[0], "unread")
    with Watching(str(folders[1]), IN_MOVED_TO) as fd:
        assert fd == first
        move_into(folders[0], "not watched any more")
        assert not select.select([fd], (), (), 0)[0]


def test_two_at_once_have_one_each(folders: list[Path]) -> None:
    one, two = (Watching(str(folder), IN_MOVED_TO) for folder in folders)
    with one as first, two as second:
        move_into(folders[1], "for the second")
        assert list(read_events(first)) == []
        assert [event.name for event in read_events(second)] == ["for the second"]


def test_a_child_takes_none_of_its_parents(folders: list[Path]) -> None:
    with Watching(str(folders[0]), IN_MOVED_TO) as fd:
        pass
    child = os.fork()
    if child == 0:
        os._exit(os.path.lexists(f"/proc/self/fd/{fd}"))
    assert os.waitpid(child, 0)[1] == 0
    with Watching(str(folders[0]), IN_MOVED_TO) as again:
        assert again == fd


def number_of_descriptors() -> int:
    return [os.readlink(entry) for entry in os.scandir("/proc/self/fd") if os.path.lexists(entry)].count(INOTIFY)


def test_an_event_loops_watches_take_one_of_those_and_give_it_back(folders: list[Path]) -> None:
    async def watch() -> None:
        heard = asyncio.Event()
        with Changes.of_running_loop().watch(str(folders[0]), IN_MOVED_TO, lambda _: heard.set()):
            move_into(folders[0], "here")
            await asyncio.wait_for(heard.wait(), 10)
            move_into(folders[0], "unread")

    with Watching(str(folders[1]), IN_MOVED_TO):
        asyncio.run(watch())
        open_by_now = number_of_descriptors()
        for _ in range(3):
            asyncio.run(watch())
        assert number_of_descriptors() == open_by_now
        with Watching(str(folders[1]), IN_MOVED_TO) as fd:
            assert number_of_descriptors() == open_by_now
            assert list(read_events(fd)) == []


def test_what_cannot_be_watched_costs_no_descriptor(folders: list[Path]) -> None:
    missing = Watching(str(folders[0] / "missing"), IN_MOVED_TO)
    for _ in range(2):
        with pytest.raises(KernelError, match="missing"), missing:
            pass
    with Watching(str(folders[0]), IN_MOVED_TO):
        before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(KernelError), missing:
        pass
    assert len(os.listdir("/proc/self/fd")) == before
