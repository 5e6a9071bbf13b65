"""What overlayfs makes of a stack of layers, and how it writes down what its writable layer hides."""

import functools
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from engine.sys import overlay

OPAQUE = "trusted.overlay.opaque"
"""Set to `y` on a folder that shows nothing of the folders below it."""


def open_merged(lower: Sequence[Path], *, attach_at: Path) -> int:
    """A descriptor of what the folders of `lower` (top-most first) show together, for reading. The caller closes it.

    `attach_at` is an empty folder that kernels before 6.5 need for a moment. Raises KernelError.
    """
    if len(lower) == 1:  # overlayfs wants two; one alone is what it shows
        return os.open(lower[0], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    layers = [str(path) for path in lower]
    return overlay.open_overlay(layers, [], attach_at=str(attach_at), by_context=takes_many_layers())


def open_writable(lower: Sequence[Path], upper: Path, work: Path, *, attach_at: Path) -> int:
    """A descriptor of the overlay with its writable layer `upper`, as a container has it; else as above.

    What nobody else must have mounted meanwhile: two that write to one layer damage it.
    """
    layers, writable = [str(path) for path in lower], [str(upper), str(work)]
    return overlay.open_overlay(layers, writable, attach_at=str(attach_at), by_context=takes_many_layers())


def is_whiteout(info: os.stat_result) -> bool:
    """Overlayfs hides what the lower layers have under a character device numbered 0/0."""
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0


takes_many_layers = functools.cache(overlay.takes_many_layers)
"""Whether this kernel's overlayfs has no limit on layers; looked up once."""
