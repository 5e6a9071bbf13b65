"""Brings one layer into a staging area: blob and tree in a single pass, every digest verified."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InvalidArchive
from engine.images.archives.archived import ArchivedLayer
from engine.images.documents import check_match
from engine.images.layers.chain import chain_ids
from engine.images.layers.plain import PLAIN_SIZE
from engine.images.layers.reader import LayerReader
from engine.images.layers.unpack import LayerUnpacker
from engine.images.limits import DiskSpace, Growth
from engine.images.reporter import Reporter
from engine.images.staging import Staging
from engine.images.tar.reader import TarReader
from engine.images.tar.streams import Readable
from engine.images.tar.tree import LayerTree
from engine.spec.image import OCI_LAYER, Descriptor


@dataclass
class LayerLoader:
    """Stages layers; `growth` is what all of one archive may unpack to."""

    staging: Staging
    space: DiskSpace
    reporter: Reporter
    growth: Growth | None = None

    def load(self, source: Readable, layer: ArchivedLayer, *, chain: Sequence[str], step: int) -> Descriptor:
        """Stage what is not known yet of a layer; what is known is verified all the same.

        `chain` are the chain ids of those below and its own, lowest first. Raises InvalidArchive, StorageFull,
        Cancelled.
        """
        is_new = not self.staging.has_layer(chain[-1])
        has_blob = bool(layer.digest) and self.staging.has_blob(layer.digest)
        reader = self._read(source, step, copies=not has_blob, lower=chain[:-1] if is_new else None)
        if layer.digest:
            check_match("stored layer", layer.digest, reader.digest)
        check_match("uncompressed layer", layer.diff_id, reader.diff_id)
        if not has_blob:
            self.staging.keep_blob(reader.digest)
        if is_new:
            self.staging.keep_layer(chain[-1])
        return _descriptor(reader)

    def unpack(
        self, source: Readable, layer: ArchivedLayer, *, chain: Sequence[str], step: int, stop: Callable[[], None]
    ) -> None:
        """Stage the tree alone of a layer, whose blob another verifies and stages; `chain` as for `load`.

        `stop` lets go of a thread that waits for more of `source`. Raises InvalidArchive, StorageFull, Cancelled.
        """
        reader = self._read(source, step, copies=False, lower=chain[:-1], stop=stop)
        check_match("uncompressed layer", layer.diff_id, reader.diff_id)
        self.staging.keep_layer(chain[-1])

    def load_new(self, source: Readable, *, below: Sequence[str] = (), step: int) -> tuple[Descriptor, str]:
        """Stage a tarball as a new layer above the diff ids `below`; returns its descriptor and its diff id.

        As no digest is told that would show a missing part, the end of the tar has to be there.
        """
        reader = self._read(source, step, copies=True, lower=chain_ids(below), needs_end=True)
        self.staging.keep_blob(reader.digest)
        self.staging.keep_layer(chain_ids([*below, reader.diff_id])[-1])
        return _descriptor(reader), reader.diff_id

    def _read(
        self,
        source: Readable,
        step: int,
        *,
        copies: bool,
        lower: Sequence[str] | None,
        needs_end: bool = False,
        stop: Callable[[], None] | None = None,
    ) -> LayerReader:
        """Read a layer to its end, into `new_blob` if it `copies` and into `new_layer` unless `lower` is None.

        With `stop`, which is called at the end, somebody else counts and verifies the layer as it is stored.
        """
        with ExitStack() as open_files:
            blob = open_files.enter_context(self.staging.new_blob.open("wb")) if copies else None
            reader = open_files.enter_context(
                LayerReader(
                    source,
                    copy_to=blob,
                    on_read=(lambda _: None) if stop else lambda count: self._count_stored(step, count, copies),
                    on_plain=self._count_plain if lower is not None else lambda _: None,
                    on_wait=self.reporter.check,
                    is_verified=stop is not None,
                )
            )
            if stop is not None:
                open_files.callback(stop)
            if lower is not None:
                self._unpack(reader, lower, needs_end)
            reader.finish()
        if lower is not None:
            (self.staging.new_layer / PLAIN_SIZE).write_text(str(reader.plain_size))
        return reader

    def _unpack(self, reader: LayerReader, lower: Sequence[str], needs_end: bool) -> None:
        folder = self.staging.new_layer
        root = folder / "diff"
        root.mkdir(parents=True)
        tar = TarReader(reader.tar)
        with LayerTree(root, lower=_Folders(self.staging, lower), trash=self.staging.trash) as tree:
            unpacker = LayerUnpacker(tree, self.space)
            unpacker.unpack(tar)
        if needs_end and not (tar.has_end_marker and tree.entries):
            raise InvalidArchive("it is no whole tar archive", hint="It was cut short, or is not a tar archive.")
        (folder / "largest-id").write_text(str(unpacker.largest_id))
        (folder / "size").write_text(str(unpacker.size_bytes))  # last: a layer is whole when it is there

    def _count_stored(self, step: int, count: int, copies: bool) -> None:
        self.reporter.advance(step, count)
        if copies:
            self.space.use(count)

    def _count_plain(self, count: int) -> None:
        if self.growth is not None:
            self.growth.add(count)


@dataclass(frozen=True)
class _Folders:
    """The folders of layers, topmost first, each looked for when it is asked for: few layers look at all below them."""

    staging: Staging
    chain: Sequence[str]

    def __iter__(self) -> Iterator[Path]:
        return (self.staging.layer(chain_id) / "diff" for chain_id in reversed(self.chain))


def _descriptor(reader: LayerReader) -> Descriptor:
    return Descriptor(OCI_LAYER + reader.compression.value, reader.digest, reader.size)
