"""Containers that divide their own control group (`writable_cgroups`): where that is safe, and what the bundle says.

On v2 a group is handed on by its owner (cgroup-v2.rst, "Delegation"): root of the container gets the folder and the few
files that move processes, while the limits stay the host's. Where the container's root is the host's, only the mount
option `nsdelegate` keeps it from lifting them. v1 has nothing of the kind.
"""

from collections.abc import Sequence

from engine.cgroups import Hierarchy
from engine.container import namespaces
from engine.errors import Unsupported
from engine.spec.runtime import Spec

TYPE = "cgroup"
"""Of the mounts that show control groups."""


def check(hierarchies: Sequence[Hierarchy], *, owns_ids: bool) -> None:
    """Raise Unsupported where the container could do more than divide what it has."""
    if any(hierarchy.version == 1 for hierarchy in hierarchies):
        raise Unsupported(
            "writable_cgroups: this host has control groups of version 1, whose limits a container could then lift.",
            hint="Boot the host with cgroup v2 alone: systemd.unified_cgroup_hierarchy=1.",
        )
    if not owns_ids and not all(hierarchy.keeps_delegated for hierarchy in hierarchies):
        raise Unsupported(
            "writable_cgroups: the container's root is the host's here, and could lift its own limits.",
            hint="Mount the host's control groups with the option nsdelegate, or leave the container its own user ids.",
        )


def are_delegated(spec: Spec, hierarchies: Sequence[Hierarchy]) -> bool:
    """Whether the group is to belong to root of the container, whom the host does not know as root."""
    is_writable = any(item.type == TYPE and "ro" not in item.options for item in spec.mounts)
    is_v2 = all(hierarchy.version == 2 for hierarchy in hierarchies)
    return is_writable and is_v2 and namespaces.owns_ids(spec.linux)
