"""Memory limits that are set aside while a container is born; ordinary files stand in for the kernel's."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from engine.launcher import room


def test_only_what_is_too_small_is_set_aside_and_all_of_it_comes_back(tmp_path: Path) -> None:
    texts = {"small": "1048576\n", "large": "1073741824\n", "none": "max\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    small = room.make([str(tmp_path / name) for name in (*texts, "missing")])
    assert small == [(str(tmp_path / "small"), b"1048576")]
    assert int((tmp_path / "small").read_text()) > 16 << 20
    assert (tmp_path / "large").read_text() == texts["large"]
    (tmp_path / "small").write_text("")
    room.take_back(small, -1)
    assert (tmp_path / "small").read_text() == "1048576"


def test_what_a_killed_birth_left_raised_is_put_back_by_the_next(tmp_path: Path) -> None:
    small, other, note = tmp_path / "memory.max", tmp_path / "memory.memsw", tmp_path / "note"
    small.write_text("1048576\n")
    other.write_text("2097152\n")
    paths = [str(other), str(small)]
    first = room.make(paths, str(note))  # and killed here
    small.write_text("1048576\n")  # or before it came to this one
    assert room.make(paths, str(note)) == first
    assert room.make(paths, str(note)) == first
    room.take_back(first, -1)
    assert (small.read_text(), other.read_text()) == ("1048576", "2097152")
    small.write_text("524288\n")  # changed since: the note is old
    assert (str(small), b"524288") in room.make(paths, str(note))


def test_a_program_that_has_more_already_is_killed() -> None:
    child = subprocess.Popen(["sleep", "60"])
    pidfd = os.pidfd_open(child.pid)
    room.take_back([("/nowhere/memory.limit_in_bytes", b"1048576")], pidfd)
    os.close(pidfd)
    assert child.wait(timeout=20) == -signal.SIGKILL
    with pytest.raises(FileNotFoundError):
        room.take_back([("/nowhere/memory.limit_in_bytes", b"1048576")], -1)
