"""What this host's kernel and set-up can do, probed once; every refusal quotes from here and the panel shows it."""

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.cgroups import CgroupManager
from engine.container import apparmor
from engine.rootfs import takes_many_layers
from engine.spec import codec


@dataclass(frozen=True)
class Capabilities:
    """Facts of one host. `cgroups` is v1, v2 or hybrid; `controllers` are those containers are limited by."""

    kernel: str
    machine: str
    operating_system: str
    processors: int
    memory_bytes: int
    cgroups: str
    controllers: tuple[str, ...]
    swap_accounting: bool
    pressure: bool
    block_io_limits: bool
    block_io_weight: bool
    realtime_groups: bool
    hugepage_sizes: tuple[str, ...]
    overlay_many_layers: bool
    user_namespaces: bool
    apparmor: bool
    selinux: bool
    bpf_lsm: bool
    btf: bool

    def to_json(self) -> dict[str, Any]:
        """The fields under their own names."""
        value: dict[str, Any] = codec.to_json(self)
        return value


@functools.cache
def probe() -> Capabilities:
    """Look once."""
    uname = os.uname()
    manager = CgroupManager("moorage")
    features = manager.features()
    controllers = {name for hierarchy in manager.hierarchies for name in hierarchy.controllers}
    return Capabilities(
        kernel=uname.release,
        machine=uname.machine,
        operating_system=_os_release().get("PRETTY_NAME", "Linux"),
        processors=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        cgroups=_cgroups(manager),
        controllers=tuple(sorted(controllers)),
        swap_accounting=features.swap_accounting,
        pressure=features.pressure,
        block_io_limits=features.block_io_limits,
        block_io_weight=features.block_io_weight,
        realtime_groups=features.realtime_groups,
        hugepage_sizes=features.hugepage_sizes,
        overlay_many_layers=takes_many_layers(),
        user_namespaces=Path("/proc/self/ns/user").exists(),
        apparmor=apparmor.is_enabled(),
        selinux=Path("/sys/fs/selinux/enforce").exists(),
        bpf_lsm="bpf" in _read("/sys/kernel/security/lsm").split(","),
        btf=Path("/sys/kernel/btf/vmlinux").exists(),
    )


def _cgroups(manager: CgroupManager) -> str:
    versions = {hierarchy.version for hierarchy in manager.hierarchies}
    if versions == {2}:
        return "v2"
    return "hybrid" if " - cgroup2 " in _read("/proc/self/mountinfo") else "v1"


def _os_release() -> dict[str, str]:
    pairs = (line.split("=", 1) for line in _read("/etc/os-release").splitlines() if "=" in line)
    return {name: value.strip('"') for name, value in pairs}


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:  # not mounted, or not for us to read: then the kernel does not offer it here
        return ""
