"""Opens containers and volumes as trees of files that are browsed (`engine.files`)."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from engine.container import state, view, volumes
from engine.container.runtime import Runtime
from engine.errors import NotFound
from engine.files import Files, Tree
from engine.rootfs.ids import Ids

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def of_container(runtime: Runtime, container_id: str) -> Files:
    """The files of a container with its mounts, running or not. Its verbs raise NotFound."""
    folder = runtime.folder(container_id)

    @contextmanager
    def reading() -> Iterator[Tree]:
        name = f"container {state.load_record(folder).name}"
        with ExitStack() as resources:
            root = view.open_mounted(runtime, folder, resources)
            yield Tree(root.fd, root.ids, name, folder)

    @contextmanager
    def writing() -> Iterator[Tree]:
        name = f"container {state.load_record(folder).name}"
        with ExitStack() as resources:
            root = view.open_to_write(runtime, container_id, resources)
            yield Tree(root.fd, root.ids, name, folder)

    return Files(reading, writing)


def of_volume(runtime: Runtime, name: str) -> Files:
    """The files of a volume: owners on the disk are those that containers see. Its verbs raise NotFound."""

    @contextmanager
    def opening() -> Iterator[Tree]:
        folder = runtime.volumes.data(name)
        if name not in runtime.volumes.names():
            raise NotFound(f"There is no volume {name[:80]} on this host.")
        with volumes.mounted(runtime, (name,)):
            fd = os.open(folder, _FOLDER)
            try:
                yield Tree(fd, Ids(), f"volume {name}", folder)
            finally:
                os.close(fd)

    return Files(opening, opening)
