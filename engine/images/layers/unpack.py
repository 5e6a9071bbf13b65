"""Unpacks a layer's tar into a folder that overlayfs takes as a lower layer (OCI image specification, layer.md).

Whiteouts become overlayfs's own: a character device 0/0, or the attribute `trusted.overlay.opaque` on a directory.
"""

import os
import stat
from dataclasses import dataclass, field

from engine.errors import InvalidArchive
from engine.images.tar.reader import Entry, TarReader
from engine.images.tar.tree import LayerTree, Parts
from engine.images.tar.unpack import Unpacker
from engine.rootfs.overlay import OPAQUE

WHITEOUT = b".wh."
OPAQUE_MARKER = b".wh..wh..opq"


@dataclass
class LayerUnpacker(Unpacker[LayerTree]):
    """Puts the entries of one layer into its tree, and hides of the layers below what it says."""

    _hidden: set[Parts] = field(default_factory=set)
    _opaque: set[Parts] = field(default_factory=set)

    def _take(self, entry: Entry, tar: TarReader) -> None:
        parts = self._split(entry.name)
        if parts and parts[-1].startswith(WHITEOUT):
            self._white_out(parts)
        else:
            self._place(parts, entry, tar)

    def _finish(self) -> None:
        self._apply_whiteouts()

    def _white_out(self, parts: Parts) -> None:
        """Whiteouts are noted now and made at the end, when it is known what the layer itself holds."""
        *folder, marker = parts
        hidden = marker.removeprefix(WHITEOUT)
        if marker == OPAQUE_MARKER:
            self._opaque.add(tuple(folder))
        elif hidden in (b"", b".", b".."):
            raise InvalidArchive("a whiteout of nothing")
        elif not marker.startswith(b".wh..wh."):  # aufs's own bookkeeping means nothing to others
            self._hidden.add((*folder, hidden))

    def _apply_whiteouts(self) -> None:
        """A whiteout is about the layers below only: what this layer itself holds stays, but nothing shines through.

        Overlayfs lists a whiteout as a file where there is nothing to hide, so none is made there.
        """
        missing = []
        for parts in self._hidden:
            with self._naming(b"/".join(parts), "whiteout"):
                own = self.tree.own(parts)
                if own is None:
                    missing.append(parts)
                elif stat.S_ISDIR(own.st_mode):
                    self._opaque.add(parts)
        for parts in self._opaque:
            with self._naming(b"/".join(parts), "opaque directory"):
                os.setxattr(self.tree.parent((*parts, OPAQUE_MARKER)), OPAQUE, b"y")
        for parts in missing:
            is_hidden = any(parts[:depth] in self._opaque for depth in range(len(parts)))
            if not is_hidden and self.tree.below(parts) is not None:
                with self._naming(b"/".join(parts), "whiteout"):
                    self.tree.count_entry()
                    os.mknod(parts[-1], stat.S_IFCHR, 0, dir_fd=self.tree.parent(parts))  # device 0 is 0/0
