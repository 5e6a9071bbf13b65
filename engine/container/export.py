"""export: the whole root of a container as one tar."""

from collections.abc import Generator
from contextlib import ExitStack

from engine.container import view
from engine.container.runtime import Runtime
from engine.container.view import Root
from engine.images.tar.pack import Packer
from engine.images.tar.stream_out import TarStream
from engine.rootfs.walk import walk


def export(runtime: Runtime, container_id: str) -> TarStream:
    """What the image and the container's own writing show together, without what is mounted in it.

    Running or not. A file that changes while it is read comes as long as it was when its turn came. Raises NotFound.
    """
    resources = ExitStack()
    root = view.open_bare(runtime, runtime.folder(container_id), resources)
    return TarStream(_packed(root), resources)


def _packed(root: Root) -> Generator[bytes, None, None]:
    packer = Packer(root.ids)
    for found in walk(root.fd):
        yield from packer.entry(found.path, found)
    yield packer.end()
