"""What the image tests share: a store in a folder of its own, and a way to see that nothing stayed behind."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.images import Image, ImageStore
from tests.services.processes import wait_until

Load = Callable[[bytes], list[Image]]


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path)


@pytest.fixture
def load(store: ImageStore) -> Load:
    """Load an archive given as bytes."""
    return lambda archive: store.load(io.BytesIO(archive))


@pytest.fixture
def listing(tmp_path: Path) -> Callable[[], set[str]]:
    """Every path the store has on the disk, once the disk has it all."""

    def listed() -> set[str]:
        wait_until(lambda: not any(tmp_path.glob("images/unsynced/*")), "everything is on the disk")
        return {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}

    return listed
