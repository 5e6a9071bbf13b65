"""Which namespaces a bundle asks for, as the flags and places that birth works with."""

import functools
from pathlib import Path
from typing import Any

from engine.spec.container import ContainerSpec
from engine.spec.runtime import Linux, Namespace
from engine.sys import process

_CLONE = {
    "mount": process.CLONE_NEWNS,
    "pid": process.CLONE_NEWPID,
    "uts": process.CLONE_NEWUTS,
    "ipc": process.CLONE_NEWIPC,
    "network": process.CLONE_NEWNET,
    "user": process.CLONE_NEWUSER,
    "cgroup": 0,  # entered by unshare(2), once the process is in its cgroup
    "time": 0,  # made before clone3: its offsets are written before anybody is in it
}
_LATE = {"cgroup": process.CLONE_NEWCGROUP, "time": process.CLONE_NEWTIME}
CONTAINER, HOST = "container:", "host"
"""How a namespace is asked for that is another container's (with its id behind), or the host's."""


def wanted(spec: ContainerSpec, *, can_shift: bool, shares_ids_with: str = "") -> tuple[Namespace, ...]:
    """Those of a container: all its own, but for what was asked to be shared with the host or another container.

    The host's user namespace comes along with any other of the host's and with privileges, which mean nothing in
    another. Where the host `can_shift` no ids (`user_namespaces.why_not`) all containers share it; `shares_ids_with` is
    the container whose user namespace comes along with another of its namespaces.
    """
    found = [Namespace("mount")]
    modes = {
        "pid": spec.pid,
        "uts": spec.uts,
        "ipc": spec.ipc,
        "network": spec.network,
        "cgroup": spec.cgroup_namespace,
    }
    for kind, mode in (modes | {"cgroup": spec.cgroup_namespace}).items():
        if mode.startswith(CONTAINER):
            found.append(Namespace(kind, mode))
        elif mode != HOST:
            found.append(Namespace(kind))
    if spec.time.startswith(CONTAINER):
        found.append(Namespace("time", spec.time))
    elif spec.time_offsets:
        found.append(Namespace("time"))
    if shares_ids_with:
        found.append(Namespace("user", CONTAINER + shares_ids_with))
    elif can_shift and wants_own_ids(spec):
        found.append(Namespace("user"))
    return tuple(found)


def wants_own_ids(spec: ContainerSpec) -> bool:
    """Whether the container is to have a user namespace other than the host's."""
    shared = (spec.userns, spec.network, spec.pid, spec.ipc, spec.cgroup_namespace)
    return not spec.privileged and not spec.runtime and HOST not in shared


def new(linux: Linux) -> int:
    """CLONE_NEW* flags of those that are made for the container."""
    kinds = {namespace.type for namespace in linux.namespaces if not namespace.path}
    return functools.reduce(lambda flags, kind: flags | _CLONE[kind], kinds, 0)


def entered_late(linux: Linux) -> int:
    """Flags of those that the first process makes itself, once it is in its control groups."""
    return process.CLONE_NEWCGROUP if any(item.type == "cgroup" and not item.path for item in linux.namespaces) else 0


def joined(linux: Linux, containers: Path) -> list[list[Any]]:
    """`joins` as `engine/launcher/messages.py` describes them; `containers` is the folder of all containers.

    The user namespace comes first: it gives the right to enter the others.
    """
    listed = sorted(linux.namespaces, key=lambda item: item.type != "user")
    return [[_CLONE[item.type] or _LATE[item.type], _place(item, containers)] for item in listed if item.path]


def _place(item: Namespace, containers: Path) -> str:
    partner = item.path.removeprefix(CONTAINER)
    return item.path if partner == item.path else f"{containers}/{partner}"


def owns_ids(linux: Linux) -> bool:
    """Whether the container has another user namespace than the host's, and so cannot make device nodes itself."""
    return any(item.type == "user" for item in linux.namespaces)
