"""Checks of `linux` but for its resources and its seccomp section, and of what needs a namespace."""

import re
from collections.abc import Mapping

from engine.errors import InvalidSpec
from engine.spec.runtime.checks import mounts
from engine.spec.runtime.config import Spec
from engine.spec.runtime.linux import Device, IntelRdt, Linux, Namespace, TimeOffset
from engine.spec.values import between, one_of

NAMESPACES = ("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time")
PROPAGATIONS = ("", "shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable")
DOMAINS = ("LINUX", "LINUX32")
CLOCKS = ("monotonic", "boottime")
_IPC_SYSCTLS = (
    *("kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax"),
    *("kernel.shmmni", "kernel.shm_rmid_forced"),
)
_MOST_SECONDS = 1 << 62
_SYSCTL = re.compile(r"[A-Za-z0-9_\-./:@]+")


def check(spec: Spec) -> None:
    """`linux`, `hostname` and `domainname`."""
    linux = spec.linux
    _namespaces(linux.namespaces)
    kinds = {namespace.type for namespace in linux.namespaces}
    for field, value in (("hostname", spec.hostname), ("domainname", spec.domainname)):
        if value and "uts" not in kinds:
            raise InvalidSpec(field, "needs a uts namespace of the container's own")
        if len(value.encode()) > 64:
            raise InvalidSpec(field, "is longer than 64 bytes")
    _mappings(linux)
    sysctls("linux.sysctl", linux.sysctl, kinds)
    for index, device in enumerate(linux.devices):
        _device(f"linux.devices[{index}]", device)
    one_of("linux.rootfsPropagation", linux.rootfs_propagation, PROPAGATIONS)
    for field, paths in (("maskedPaths", linux.masked_paths), ("readonlyPaths", linux.readonly_paths)):
        for index, path in enumerate(paths):
            if not path.startswith("/"):
                raise InvalidSpec(f"linux.{field}[{index}]", f"{path[:80]!r} must be an absolute path")
    if linux.personality is not None:
        one_of("linux.personality.domain", linux.personality.domain, DOMAINS)
        if linux.personality.flags:
            raise InvalidSpec("linux.personality.flags", "there are no flags yet")
    if linux.time_offsets and "time" not in kinds:
        raise InvalidSpec("linux.timeOffsets", "needs a time namespace of the container's own")
    time_offsets("linux.timeOffsets", linux.time_offsets)
    if linux.intel_rdt is not None:
        _intel_rdt(linux.intel_rdt)
    if ".." in linux.cgroups_path.split("/"):
        raise InvalidSpec("linux.cgroupsPath", f"{linux.cgroups_path[:80]!r} must not hold '..'")


def _namespaces(listed: tuple[Namespace, ...]) -> None:
    seen = set()
    for index, namespace in enumerate(listed):
        where = f"linux.namespaces[{index}]"
        one_of(f"{where}.type", namespace.type, NAMESPACES)
        if namespace.type in seen:
            raise InvalidSpec(f"{where}.type", f"{namespace.type} is there twice")
        seen.add(namespace.type)
        if namespace.path and not namespace.path.startswith("/"):
            raise InvalidSpec(f"{where}.path", f"{namespace.path[:80]!r} must be an absolute path")


def _mappings(linux: Linux) -> None:
    """A user namespace that is made here needs both mappings; without one there is nothing to map."""
    users = [namespace for namespace in linux.namespaces if namespace.type == "user"]
    for field, mappings in (("uidMappings", linux.uid_mappings), ("gidMappings", linux.gid_mappings)):
        if mappings and not users:
            raise InvalidSpec(f"linux.{field}", "needs a user namespace")
        if users and not users[0].path and not mappings:
            raise InvalidSpec(f"linux.{field}", "is required for a new user namespace")
    mounts.mappings("linux.uidMappings", linux.uid_mappings)
    mounts.mappings("linux.gidMappings", linux.gid_mappings)


def sysctls(where: str, values: Mapping[str, str], namespaces: set[str]) -> None:
    """Only those that belong to a namespace of the container's own: any other would be set for the whole host."""
    for name in values:
        field = f"{where}.{name[:80]}"
        if not _SYSCTL.fullmatch(name) or ".." in name:
            raise InvalidSpec(field, "is not the name of a kernel setting")
        dotted = name.replace("/", ".")
        needed = _namespace_of(dotted)
        if not needed:
            raise InvalidSpec(field, "is not a setting of a namespace", hint="Set it on the host, for all containers.")
        if needed not in namespaces:
            raise InvalidSpec(field, f"needs a {needed} namespace of the container's own")


def _namespace_of(name: str) -> str:
    if name in _IPC_SYSCTLS or name.startswith("fs.mqueue."):
        return "ipc"
    if name.startswith("net."):
        return "network"
    if name.startswith("user."):
        return "user"
    return "uts" if name == "kernel.domainname" else ""


def _device(where: str, device: Device) -> None:
    one_of(f"{where}.type", device.type, ("c", "b", "u", "p"))
    if not device.path.startswith("/") or ".." in device.path.split("/"):
        raise InvalidSpec(f"{where}.path", f"{device.path[:80]!r} must be an absolute path")
    between(f"{where}.major", device.major, 0, (1 << 12) - 1)
    between(f"{where}.minor", device.minor, 0, (1 << 20) - 1)
    between(f"{where}.fileMode", device.file_mode, 0, 0o777777)
    between(f"{where}.uid", device.uid, 0, (1 << 32) - 2)
    between(f"{where}.gid", device.gid, 0, (1 << 32) - 2)


def time_offsets(where: str, offsets: Mapping[str, TimeOffset]) -> None:
    """Clocks that a time namespace has, shifted by what the kernel takes (time_namespaces(7))."""
    for clock, offset in offsets.items():
        one_of(where, clock, CLOCKS)
        between(f"{where}.{clock}.secs", offset.secs, -_MOST_SECONDS, _MOST_SECONDS)
        between(f"{where}.{clock}.nanosecs", offset.nanosecs, 0, 999_999_999)


def _intel_rdt(rdt: IntelRdt) -> None:
    if "/" in rdt.clos_id or rdt.clos_id in (".", ".."):
        raise InvalidSpec("linux.intelRdt.closID", f"{rdt.clos_id[:80]!r} is not the name of a folder")
    if rdt.mem_bw_schema and (not rdt.mem_bw_schema.startswith("MB:") or "\n" in rdt.mem_bw_schema):
        raise InvalidSpec("linux.intelRdt.memBwSchema", "must be one line that starts with MB:")
