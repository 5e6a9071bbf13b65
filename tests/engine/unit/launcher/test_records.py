"""Who guards a container's folder, and until when he needs it."""

import os
from pathlib import Path

from engine.launcher import records


def test_a_guard_may_release_the_folder_before_it_ends(tmp_path: Path) -> None:
    assert not records.has_shim(str(tmp_path))
    lock = records.lock_shim(str(tmp_path), os.getpid())
    assert (records.has_shim(str(tmp_path)), records.needs_folder(str(tmp_path))) == (True, True)
    records.release_folder(lock)
    assert (records.has_shim(str(tmp_path)), records.needs_folder(str(tmp_path))) == (True, False)
    os.close(lock)
    assert not records.has_shim(str(tmp_path))


def test_a_guard_that_takes_over_needs_the_folder_again(tmp_path: Path) -> None:
    lock = records.lock_shim(str(tmp_path), os.getpid())
    records.release_folder(lock)
    os.close(lock)
    assert not records.needs_folder(str(tmp_path))
    lock = records.lock_shim(str(tmp_path), os.getpid())
    assert records.needs_folder(str(tmp_path))
    os.close(lock)
