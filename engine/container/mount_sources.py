"""Looks at what of the host a container is to have mounted, before it is: there or not, and how it can be labelled."""

import json
import os
from pathlib import Path

from engine.container import user_namespaces
from engine.container.host_mounts import mount_of
from engine.errors import InvalidSpec, Unsupported
from engine.spec.container import ContainerSpec
from engine.spec.mounts import Mount, MountType, Relabel
from engine.spec.runtime import Spec

_PEERS = {"shared": {"shared"}, "slave": {"shared", "master"}}
"""Of which kind the source's mount must be for a propagation to mean anything."""
_SELINUX = Path("/sys/fs/selinux/enforce")


def check(spec: ContainerSpec) -> tuple[str, ...]:
    """Make the missing folders that may be made; returns warnings of what this host cannot do and passes over.

    Raises InvalidSpec for a bind source that is not there, or whose mount shares nothing.
    """
    warnings = []
    for index, item in enumerate(spec.mounts):
        if item.type is MountType.BIND:
            _check_source(f"mounts[{index}]", item)
        if item.relabel is not Relabel.NONE:
            warnings.append(_relabel(item))
    return tuple(warnings)


def check_owners(spec: ContainerSpec) -> list[str]:
    """Warnings of bind sources that a container with ids of its own sees without their owners."""
    sources = [item.source for item in spec.mounts if item.type is MountType.BIND]
    reasons = [(source, user_namespaces.why_not_bound(source)) for source in sources]
    return [f"Files of {source} belong to nobody inside: {why}" for source, why in reasons if why]


def make_missing(folder: Path, bundle: Spec) -> None:
    """Make again, before a start, those folders that went away since the container in `folder` was created."""
    if any(item.type == "bind" and not os.path.lexists(folder / item.source) for item in bundle.mounts):
        spec = ContainerSpec.from_json(json.loads((folder / "spec.json").read_bytes()))
        for item in spec.mounts:
            _make(item)


def _check_source(where: str, item: Mount) -> None:
    _make(item)
    if not os.path.exists(item.source):
        raise InvalidSpec(f"{where}.source", f"{item.source[:200]} does not exist on this host")
    kinds = _PEERS.get(item.propagation.value.removeprefix("r"))
    if kinds is not None and not kinds & (mount := mount_of(item.source)).kinds:
        raise InvalidSpec(
            f"{where}.propagation",
            f"{item.source[:200]} is on the mount {mount.at}, which shares nothing with others",
            hint=f"Make it shared on the host: mount --make-shared {mount.at}",
        )


def _make(item: Mount) -> None:
    """A folder, as Docker's `-v` does; a file that is there is as good."""
    if item.create_source and not os.path.exists(item.source):
        os.makedirs(item.source, mode=0o755, exist_ok=True)


def _relabel(item: Mount) -> str:
    if _SELINUX.exists():
        raise Unsupported(
            f"The label asked for {item.target} cannot be set: containers of this engine run without SELinux labels.",
            hint="Leave the label out.",
        )
    return f"The label asked for {item.target} is not set: this kernel has no SELinux."
