"""Checks of `mounts` and of id mappings."""

from engine.errors import InvalidSpec
from engine.spec.runtime.mounts import IdMapping, Mount
from engine.spec.values import between

_MOST_IDS = 1 << 32


def check(mounts: tuple[Mount, ...]) -> None:
    """Each has a place; one with mappings for users has them for groups too."""
    for index, mount in enumerate(mounts):
        where = f"mounts[{index}]"
        if not mount.destination:
            raise InvalidSpec(f"{where}.destination", "must not be empty")
        if bool(mount.uid_mappings) != bool(mount.gid_mappings):
            missing = "uidMappings" if mount.gid_mappings else "gidMappings"
            raise InvalidSpec(f"{where}.{missing}", "is required beside the other mappings")
        mappings(f"{where}.uidMappings", mount.uid_mappings)
        mappings(f"{where}.gidMappings", mount.gid_mappings)


def mappings(where: str, values: tuple[IdMapping, ...]) -> None:
    """Ids of 32 bits, and at least one of them in each mapping."""
    for index, item in enumerate(values):
        between(f"{where}[{index}].size", item.size, 1, _MOST_IDS)
        between(f"{where}[{index}].containerID", item.container_id, 0, _MOST_IDS - item.size)
        between(f"{where}[{index}].hostID", item.host_id, 0, _MOST_IDS - item.size)
