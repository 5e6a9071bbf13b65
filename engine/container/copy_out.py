"""copy out: a file or folder of a container as a tar, and what is known of it."""

import json
import os
import posixpath
import stat
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

from engine.container import view
from engine.container.runtime import Runtime
from engine.container.view import Root
from engine.errors import InvalidSpec, NotFound
from engine.images.tar.pack import Packer
from engine.images.tar.stream_out import TarStream
from engine.rootfs import inside
from engine.rootfs.inside import Place
from engine.rootfs.walk import Found, join, walk
from engine.spec import runtime as oci
from engine.spec.files import PathStat

_KERNELS = frozenset({"proc", "sysfs", "cgroup", "devpts", "mqueue"})


def stat_path(runtime: Runtime, container_id: str, path: str) -> PathStat:
    """What is under `path`, in its mounts too; a link at its end is told of itself. Raises NotFound, InvalidSpec."""
    with ExitStack() as resources:
        root = view.open_mounted(runtime, runtime.folder(container_id), resources)
        return _stat(root, path, _locate(root, path, resources))


def copy_out(runtime: Runtime, container_id: str, path: str) -> tuple[PathStat, TarStream]:
    """What is under `path` and below as a tar, in which it has its own last name (`.` where `path` ends in `/.`).

    Docker's rules: a link at the end is copied as a link unless `path` ends in `/` or `/.`. Mounts are included, but
    not the file systems the kernel makes up (/proc …). Running or not. Raises NotFound, InvalidSpec.
    """
    folder = runtime.folder(container_id)
    with ExitStack() as resources:
        root = view.open_mounted(runtime, folder, resources)
        place = _locate(root, path, resources)
        found = _stat(root, path, place)
        packed = _packed(root, place, os.fsencode(_base(path)), _made_up(folder, root))
        return found, TarStream(packed, resources.pop_all())


def _locate(root: Root, path: str, resources: ExitStack) -> Place:
    place = inside.locate(root.fd, path)
    resources.callback(os.close, place.folder)
    return place


def _stat(root: Root, path: str, place: Place) -> PathStat:
    info = place.info
    target = inside.without_links(root.fd, inside.clean(path)) if stat.S_ISLNK(info.st_mode) else ""
    return PathStat(_base(path), info.st_size, info.st_mode, info.st_mtime_ns, target)


def _base(path: str) -> str:
    """What the path's end is called in the archive; Docker's clients rewrite it and count on these three cases."""
    if path.endswith("/.") or path == ".":
        return "."
    return posixpath.basename(inside.clean(path)) or "/"


def _packed(root: Root, place: Place, base: bytes, made_up: frozenset[int]) -> Generator[bytes, None, None]:
    packer = Packer(root.ids)
    yield from packer.entry(base, Found(base, place.folder, place.name, place.info))
    if place.is_folder and place.info.st_dev not in made_up:
        folder = os.open(place.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place.folder)
        try:
            for found in walk(folder, enters=lambda found: found.info.st_dev not in made_up):
                yield from packer.entry(b"/" + found.path if base == b"/" else join(base, found.path), found)
        finally:
            os.close(folder)
    yield packer.end()


def _made_up(folder: Path, root: Root) -> frozenset[int]:
    """The devices of mounts that hold no files of anybody's."""
    spec = oci.Spec.from_json(json.loads((folder / "config.json").read_bytes()))
    places = [item.destination for item in spec.mounts if item.type in _KERNELS]
    own = os.fstat(root.fd).st_dev
    found = [_device(root, inside.clean(path)) for path in places]
    return frozenset(device for device in found if device not in (None, own))


def _device(root: Root, path: str) -> int | None:
    try:
        place = inside.locate(root.fd, path)
    except (NotFound, InvalidSpec):
        return None
    try:
        return place.info.st_dev
    finally:
        os.close(place.folder)
