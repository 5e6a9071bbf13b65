"""One container's writable layer on disk: `upper` and `work` of its overlay, and the folder it is attached at."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.rootfs import quota
from engine.rootfs.overlay import open_merged, open_writable
from engine.sys.remove_tree import remove_tree


@dataclass(frozen=True)
class Snapshot:
    """The folders `upper`, `work` and `rootfs` below a container's own."""

    folder: Path

    @property
    def rootfs(self) -> Path:
        """Where the overlay is attached in the container's own mount namespace; empty on the host."""
        return self.folder / "rootfs"

    def prepare(self) -> None:
        """Make the folders; what exists stays."""
        for name in ("upper", "work", "rootfs"):
            os.makedirs(self.folder / name, mode=0o755, exist_ok=True)

    def limit(self, limit_bytes: int) -> None:
        """Let the writable layer, still empty, hold so much. Raises Unsupported where the file system cannot."""
        quota.limit([self.upper, self.work], limit_bytes)

    def release(self) -> None:
        """Have the file system forget the limit: the folders are about to be removed."""
        quota.release(self.upper)

    @property
    def upper(self) -> Path:
        """The folder that holds what the container wrote, under the owners it sees."""
        return self.folder / "upper"

    @property
    def work(self) -> Path:
        """The folder overlayfs works in, on the same file system."""
        return self.folder / "work"

    def open_below(self, lower: Sequence[Path]) -> int:
        """A descriptor of what `lower` shows without the writable layer. The caller closes it."""
        return open_merged(lower, attach_at=self.rootfs)

    def open_merged(self, lower: Sequence[Path]) -> int:
        """A descriptor of the whole root, for reading only. The caller closes it.

        This may be done while the container has its root mounted, or mounts it meanwhile: the writable
        layer is one more lower one here. What the container changes after that may or may not be seen.
        """
        return open_merged([self.upper, *lower], attach_at=self.rootfs)

    def open_writable(self, lower: Sequence[Path]) -> int:
        """A descriptor of the whole root, for writing, of a container that is kept from starting meanwhile."""
        return open_writable(lower, self.upper, self.work, attach_at=self.rootfs)

    def remove(self) -> None:
        """Take everything away, however deep a tree the container left; links it planted are not followed."""
        for name in ("upper", "work", "rootfs"):
            remove_tree(self.folder / name)
