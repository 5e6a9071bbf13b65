"""What a container's bundle says of mounts: Docker's defaults, what was asked, and files of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from engine.container import image_mounts, name_files
from engine.container.namespaces import CONTAINER, HOST
from engine.spec import defaults, runtime
from engine.spec.container import ContainerSpec
from engine.spec.mounts import Mount, MountType, RecursiveReadOnly

_SHM = "/dev/shm"  # noqa: S108 - the place of shared memory


def mounts(
    spec: ContainerSpec, folder: Path, volumes: Mapping[str, Path], images: Mapping[str, Sequence[Path]]
) -> tuple[runtime.Mount, ...]:
    """`mounts` of the bundle: the usual ones, those asked for from the outermost in, the files in `/etc`.

    `folder` is the container's, `volumes` says by target which folder a volume, or a volume of the image, is, `images`
    which layers (topmost first) an image is made of. What was asked for takes the place of a usual mount.
    """
    asked = {item.place: _asked(item, volumes, images, spec.runtime) for item in spec.mounts}
    asked |= {at: _bind(at, folder, ("rbind", "rprivate")) for at, folder in volumes.items() if at not in asked}
    left_out = {_SHM} if spec.ipc == "none" else set()
    usual = [_usual(item, spec) for item in defaults.MOUNTS if item.destination not in asked.keys() | left_out]
    named_by = folder.parent / spec.network.removeprefix(CONTAINER) if spec.network.startswith(CONTAINER) else folder
    files = {f"/etc/{name}": named_by / name for name in name_files.FILES}
    options = ("bind", "rprivate", *(["ro"] if spec.read_only else []))
    own = [_bind(at, path, options) for at, path in files.items() if at not in asked]
    return (*usual, *(asked[at] for at in sorted(asked, key=lambda at: (at.count("/"), at))), *own)


def _usual(item: runtime.Mount, spec: ContainerSpec) -> runtime.Mount:
    if item.source != "shm":
        return item
    if spec.ipc == HOST or spec.ipc.startswith(CONTAINER):
        return _bind(item.destination, Path(spec.ipc if spec.ipc != HOST else _SHM), ("rbind",))
    options = tuple(option for option in item.options if not option.startswith("size="))
    return replace(item, options=(*options, f"size={spec.shm_size_bytes}"))


def _asked(
    item: Mount, volumes: Mapping[str, Path], images: Mapping[str, Sequence[Path]], other_runtime: str
) -> runtime.Mount:
    at = item.place
    if item.type is MountType.IMAGE:
        return image_mounts.in_bundle(item, images[at], other_runtime)
    if item.type is MountType.TMPFS:
        return runtime.Mount(at, "tmpfs", "tmpfs", _tmpfs_options(item))
    source = volumes[at] / item.subpath if item.type is MountType.VOLUME else Path(item.source)
    options = ["bind" if item.non_recursive else "rbind", item.propagation.value]
    if item.read_only:
        options.append("ro" if item.recursive_read_only is RecursiveReadOnly.OFF else "rro")
    return _bind(at, source, tuple(options))


def _bind(at: str, source: Path, options: tuple[str, ...]) -> runtime.Mount:
    return runtime.Mount(at, "bind", str(source), options)


def _tmpfs_options(item: Mount) -> tuple[str, ...]:
    sizes = [] if item.size_bytes is None else [f"size={item.size_bytes}"]
    modes = [] if item.mode is None else [f"mode={item.mode:o}"]
    return ("nosuid", "nodev", "noexec", *item.options, *sizes, *modes, *(["ro"] if item.read_only else []))
