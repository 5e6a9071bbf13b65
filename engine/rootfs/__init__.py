"""A container's root file system: an overlay of the image's layers and one writable folder."""

from engine.rootfs.overlay import open_merged, takes_many_layers
from engine.rootfs.snapshot import Snapshot

__all__ = ["Snapshot", "open_merged", "takes_many_layers"]
