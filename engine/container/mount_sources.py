"""Looks at what of the host a container is to have mounted, before it is: there or not, and how it can be labelled."""

import os
from pathlib import Path

from engine.errors import InvalidSpec, Unsupported
from engine.spec.container import ContainerSpec
from engine.spec.mounts import Mount, MountType, Relabel

_SELINUX = Path("/sys/fs/selinux/enforce")


def check(spec: ContainerSpec) -> tuple[str, ...]:
    """Make the missing folders that may be made; returns warnings of what this host cannot do and passes over.

    Raises InvalidSpec for a bind source that is not there.
    """
    warnings = []
    for index, item in enumerate(spec.mounts):
        if item.type is MountType.BIND:
            _check_source(f"mounts[{index}].source", item)
        if item.relabel is not Relabel.NONE:
            warnings.append(_relabel(item))
    return tuple(warnings)


def _check_source(field: str, item: Mount) -> None:
    if item.create_source:
        make(item)
    if not os.path.exists(item.source):
        raise InvalidSpec(field, f"{item.source[:200]} does not exist on this host")


def make(item: Mount) -> None:
    """Make a bind source that may be made, a folder, as Docker's `-v` does."""
    try:
        os.makedirs(item.source, mode=0o755, exist_ok=True)
    except FileExistsError:
        return  # a file, which is as good


def _relabel(item: Mount) -> str:
    if _SELINUX.exists():
        raise Unsupported(
            f"The label asked for {item.target} cannot be set: containers of this engine run without SELinux labels.",
            hint="Leave the label out.",
        )
    return f"The label asked for {item.target} is not set: this kernel has no SELinux."
