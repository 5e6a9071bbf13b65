"""What of a container only Linux has (config-linux.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.spec import codec
from engine.spec.runtime.mounts import IdMapping
from engine.spec.runtime.resources import Resources
from engine.spec.runtime.seccomp import Seccomp


@dataclass(frozen=True)
class Namespace:
    """`linux.namespaces[]`: a new one of this type, or the one at `path`."""

    type: str
    path: str = ""


@dataclass(frozen=True)
class Device:
    """`linux.devices[]`: a node to make, `type` c, b, u or p; `file_mode` holds permission bits."""

    path: str
    type: str
    major: int = 0
    minor: int = 0
    file_mode: int | None = None
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class TimeOffset:
    """`linux.timeOffsets`: how far a clock of the time namespace is from the host's."""

    secs: int = 0
    nanosecs: int = 0


@dataclass(frozen=True)
class IntelRdt:
    """`linux.intelRdt`: the resctrl group a container joins, and its schemata."""

    clos_id: str = field(default="", metadata=codec.key("closID"))
    l3_cache_schema: str = field(default="", metadata=codec.key("l3CacheSchema"))
    mem_bw_schema: str = ""
    enable_cmt: bool = field(default=False, metadata=codec.key("enableCMT"))
    enable_mbm: bool = field(default=False, metadata=codec.key("enableMBM"))


@dataclass(frozen=True)
class Personality:
    """`linux.personality`: the execution domain of personality(2), `LINUX` or `LINUX32`; it has no flags yet."""

    domain: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Linux:
    """`linux`."""

    uid_mappings: tuple[IdMapping, ...] = ()
    gid_mappings: tuple[IdMapping, ...] = ()
    sysctl: Mapping[str, str] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    cgroups_path: str = ""
    namespaces: tuple[Namespace, ...] = ()
    devices: tuple[Device, ...] = ()
    seccomp: Seccomp | None = None
    rootfs_propagation: str = ""
    masked_paths: tuple[str, ...] = ()
    readonly_paths: tuple[str, ...] = ()
    mount_label: str = ""
    intel_rdt: IntelRdt | None = None
    personality: Personality | None = None
    time_offsets: Mapping[str, TimeOffset] = field(default_factory=dict)
