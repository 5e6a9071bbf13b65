"""Which namespaces a bundle asks for, as the flags and places that birth works with."""

import functools

from engine.spec.container import CgroupNamespace, ContainerSpec, NetworkMode
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


def wanted(spec: ContainerSpec, *, can_shift: bool) -> tuple[Namespace, ...]:
    """Those of a container: all its own, but for what was asked to be shared with the host.

    The host's user namespace comes along with its network and with privileges, which mean nothing in another. Where the
    host `can_shift` no ids (`user_namespaces.why_not`) all containers share it.
    """
    own = ["mount", "pid", "uts", "ipc"]
    own += ["cgroup"] if spec.cgroup_namespace is not CgroupNamespace.HOST else []
    own += ["network"] if spec.network is NetworkMode.NONE else []
    own += ["time"] if spec.time_offsets else []
    own += ["user"] if can_shift and wants_own_ids(spec) else []
    return tuple(Namespace(kind) for kind in own)


def wants_own_ids(spec: ContainerSpec) -> bool:
    """Whether the container is to have a user namespace of its own."""
    is_shared = spec.network is NetworkMode.HOST or spec.cgroup_namespace is CgroupNamespace.HOST
    return spec.userns != "host" and not spec.privileged and not is_shared


def new(linux: Linux) -> int:
    """CLONE_NEW* flags of those that are made for the container."""
    kinds = {namespace.type for namespace in linux.namespaces}
    return functools.reduce(lambda flags, kind: flags | _CLONE[kind], kinds, 0)


def entered_late(linux: Linux) -> int:
    """Flags of those that the first process makes itself, once it is in its control groups."""
    return process.CLONE_NEWCGROUP if any(item.type == "cgroup" for item in linux.namespaces) else 0


def owns_ids(linux: Linux) -> bool:
    """Whether the container has a user namespace that is made for it, and so cannot make device nodes itself."""
    return any(item.type == "user" and not item.path for item in linux.namespaces)
