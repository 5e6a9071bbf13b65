"""Binds and volumes that a container has because others have them."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from engine.container import partners, state
from engine.container.runtime import Runtime
from engine.spec import codec
from engine.spec.container import ContainerSpec
from engine.spec.mounts import Mount, MountType


def resolve(runtime: Runtime, spec: ContainerSpec) -> ContainerSpec:
    """`spec` with what the containers of its `volumes_from` have mounted among its own mounts, which come first.

    Raises InvalidSpec naming the entry for a container that is not there. One that came to its own this way keeps them,
    whatever becomes of those it has them from.
    """
    mounts = {item.place: item for item in spec.mounts}
    for index, entry in enumerate(spec.volumes_from):
        name, _, mode = entry.partition(":")
        field = f"volumes_from[{index}]"
        for item in _mounts_of(runtime, partners.find(runtime, field, name), field):
            mounts.setdefault(item.place, replace(item, read_only=item.read_only or mode == "ro"))
    return replace(spec, mounts=tuple(mounts.values()), volumes_from=())


def came_along(asked: ContainerSpec, resolved: ContainerSpec) -> list[dict[str, Any]]:
    """What of the `resolved` mounts was not `asked` for itself, for the container's record."""
    own = {item.place for item in asked.mounts}
    return [codec.to_json(item) for item in resolved.mounts if item.place not in own]


def _mounts_of(runtime: Runtime, container_id: str, field: str) -> Iterable[Mount]:
    """Its binds, and its volumes under the names these were given when it was created."""
    folder = runtime.folder(container_id)
    record = state.load_record(folder)
    spec = ContainerSpec.from_json(json.loads((folder / "spec.json").read_bytes()))
    came = [codec.from_json(Mount, item, where="mounts_from") for item in record.mounts_from]
    given = {item.place: item for item in (*spec.mounts, *came) if item.type is not MountType.TMPFS}
    for place, image in record.mounted_images.items():
        given[place] = replace(given[place], source=image)  # its name may be another's by now
    for place, volume in record.volumes.items():
        item = given.get(place, Mount(MountType.VOLUME, place))
        given[place] = replace(item, source=volume, no_copy=True, labels={})
    return given.values()
