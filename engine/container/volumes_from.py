"""Binds and volumes that a container has because others have them."""

import json
from collections.abc import Iterable
from dataclasses import replace

from engine.container import partners, state
from engine.container.runtime import Runtime
from engine.errors import InvalidSpec
from engine.spec.container import ContainerSpec
from engine.spec.mounts import Mount, MountType


def resolve(runtime: Runtime, spec: ContainerSpec) -> ContainerSpec:
    """`spec` with what the containers of its `volumes_from` have mounted among its own mounts, which come first.

    Raises InvalidSpec naming the entry for a container that is not there, or that has its own from one that is not.
    """
    mounts = {item.place: item for item in spec.mounts}
    for index, entry in enumerate(spec.volumes_from):
        name, _, mode = entry.partition(":")
        field = f"volumes_from[{index}]"
        for item in _mounts_of(runtime, partners.find(runtime, field, name), field):
            mounts.setdefault(item.place, replace(item, read_only=item.read_only or mode == "ro"))
    return replace(spec, mounts=tuple(mounts.values()), volumes_from=())


def _mounts_of(runtime: Runtime, container_id: str, field: str) -> Iterable[Mount]:
    """Its binds, and its volumes under the names these were given when it was created."""
    folder = runtime.folder(container_id)
    record = state.load_record(folder)
    try:
        asked = resolve(runtime, ContainerSpec.from_json(json.loads((folder / "spec.json").read_bytes())))
    except InvalidSpec as error:
        raise InvalidSpec(
            field, f"container {record.name} has volumes from one that is gone: {error.message}"
        ) from error
    given = {item.place: item for item in asked.mounts if item.type is not MountType.TMPFS}
    for place, volume in record.volumes.items():
        item = given.get(place, Mount(MountType.VOLUME, place))
        given[place] = replace(item, source=volume, no_copy=True, labels={})
    return given.values()
