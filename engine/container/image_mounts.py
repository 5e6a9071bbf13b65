"""Images that are mounted in a container beside its own: which, and what the bundle says of them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.container import state, user_namespaces
from engine.container.runtime import Runtime
from engine.errors import InvalidSpec
from engine.images import Image
from engine.rootfs import Snapshot, inside
from engine.spec import runtime as oci
from engine.spec.container import ContainerSpec
from engine.spec.mounts import Mount, MountType

_LOWER = "lowerdir+="


def prepare(runtime: Runtime, spec: ContainerSpec, snapshot: Snapshot) -> dict[str, Image]:
    """The images of `spec`'s mounts by target, for a caller that holds the store.

    Raises NotFound for an image, InvalidSpec for one that has nothing to mount, or not at that subpath.
    """
    found = {}
    for index, item in enumerate(spec.mounts):
        if item.type is MountType.IMAGE:
            image = found[item.place] = runtime.images.get(item.source)
            _check(f"mounts[{index}]", item, runtime.images.layer_paths(image), snapshot, spec.runtime)
    return found


def _check(where: str, item: Mount, layers: Sequence[Path], snapshot: Snapshot, other_runtime: str) -> None:
    if not layers:
        raise InvalidSpec(f"{where}.source", f"the image {item.source[:200]} has no layers, so there is nothing in it")
    if not item.subpath:
        return
    if other_runtime:  # which would follow the image's links out of it
        raise InvalidSpec(f"{where}.subpath", f"{other_runtime} cannot mount a part of an image")
    root = snapshot.open_below(layers)
    try:
        if not inside.is_there(root, item.subpath):
            raise InvalidSpec(f"{where}.subpath", f"the image {item.source[:200]} has no {item.subpath[:200]}")
    finally:
        os.close(root)


def check_owners(runtime: Runtime, mounted: Mapping[str, Image]) -> list[str]:
    """Warnings of mounted images that a container with ids of its own sees without some of their owners."""
    return [
        text for image in mounted.values() for text in user_namespaces.check_files(runtime.images.largest_id(image))
    ]


def in_bundle(item: Mount, layers: Sequence[Path], other_runtime: str) -> oci.Mount:
    """The bundle's mount: an overlay of the layers (topmost first) that nobody writes to, `source` the place in it.

    Overlayfs wants two layers, so another runtime gets a bind of a single one.
    """
    if other_runtime and len(layers) == 1:
        return oci.Mount(item.place, "bind", str(layers[0]), ("bind", "ro"))
    return oci.Mount(item.place, "overlay", f"/{item.subpath}", ("ro", *(f"{_LOWER}{layer}" for layer in layers)))


def layers_of(data: Sequence[str]) -> list[str]:
    """The layers that `in_bundle` wrote among a mount's options."""
    return [option.removeprefix(_LOWER) for option in data if option.startswith(_LOWER)]


def users(runtime: Runtime) -> dict[str, list[str]]:
    """Names of the containers that use each image, as their root or mounted in it, by the image's id."""
    found: dict[str, list[str]] = {}
    for record in state.load_records(runtime.folder(container_id) for container_id in runtime.ids()):
        for image in {record.image, *record.mounted_images.values()}:
            found.setdefault(image, []).append(record.name)
    return found
