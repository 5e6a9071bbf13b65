"""The root of an image that a creation may look into."""

import os
import secrets
from pathlib import Path

from engine.container.image_root import ImageRoot


def root_of(folder: Path, digest: str, opened: list[int]) -> ImageRoot:
    def open_root() -> int:
        opened.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))
        return opened[-1]

    return ImageRoot(digest, open_root)


def test_a_text_is_read_once_for_an_image(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    digest, opened = secrets.token_hex(), []  # type: tuple[str, list[int]]
    for _ in range(3):
        with root_of(tmp_path, digest, opened) as root:
            assert root.read_text("/etc/passwd") == "root:x:0:0::/root:/bin/sh\n"
            assert root.read_text("/etc/group") == ""
    assert len(opened) == 1
    with root_of(tmp_path, secrets.token_hex(), opened) as root:
        assert root.read_text("/etc/passwd").startswith("root:")
    assert len(opened) == 2


def test_a_long_text_is_not_kept_and_the_root_is_closed_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "group").write_text("x" * 70_000)
    digest, opened = secrets.token_hex(), []  # type: tuple[str, list[int]]
    for number in (1, 2):
        with root_of(tmp_path, digest, opened) as root:
            assert len(root.read_text("/group")) == 70_000
            assert root.fileno() == opened[-1]
        assert len(opened) == number
        assert not Path(f"/proc/self/fd/{opened[-1]}").exists()
