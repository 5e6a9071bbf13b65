"""The root an image gives to a container that is being made, opened only when somebody looks into it.

An overlay is no trifle: the kernel waits for all processors when one goes. What most creations want of it is in two
files that never change, so these are remembered.
"""

import os
from collections.abc import Callable
from types import TracebackType
from typing import Self

from engine.rootfs import reader

_MOST_TEXTS = 64
_LONGEST_TEXT = 1 << 16

_texts: dict[tuple[str, str], str] = {}
"""By the digest of an image and a path in it."""


class ImageRoot:
    """`digest` names the image's configuration, and so all its layers; `open_root` gives a descriptor of them."""

    def __init__(self, digest: str, open_root: Callable[[], int]) -> None:
        self._digest = digest
        self._open = open_root
        self._fd: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None:
            os.close(self._fd)

    def fileno(self) -> int:
        """Its descriptor, open until the end of the block."""
        if self._fd is None:
            self._fd = self._open()
        return self._fd

    def read_text(self, path: str) -> str:
        """See `reader.read_text`."""
        key = self._digest, path
        if (known := _texts.get(key)) is not None:
            return known
        text = reader.read_text(self.fileno(), path)
        if len(text) <= _LONGEST_TEXT:
            while len(_texts) >= _MOST_TEXTS:
                _texts.pop(next(iter(_texts), key), None)
            _texts[key] = text
        return text
