"""The OCI runtime specification's bundle configuration (`config.json`), version 1.2: the parts this engine fills.

Field meanings are those of https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config.md and config-linux.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from engine.spec import codec

OCI_VERSION = "1.2.0"


def _named(key: str, default: Any = None) -> Any:
    return field(default=default, metadata={"oci": key})


@dataclass(frozen=True)
class User:
    """`process.user`: numeric ids; names were resolved when the bundle was made."""

    uid: int = _named("uid", 0)
    gid: int = _named("gid", 0)
    additional_gids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Capabilities:
    """`process.capabilities`: names with `CAP_`."""

    bounding: tuple[str, ...] = ()
    effective: tuple[str, ...] = ()
    inheritable: tuple[str, ...] = ()
    permitted: tuple[str, ...] = ()
    ambient: tuple[str, ...] = ()


@dataclass(frozen=True)
class PosixRlimit:
    """`process.rlimits[]`: `type` is `RLIMIT_NOFILE` and so on; 2^64-1 is unlimited."""

    type: str
    soft: int
    hard: int


@dataclass(frozen=True)
class Process:
    """`process`: what runs, as whom, and with which rights."""

    args: tuple[str, ...]
    cwd: str
    user: User = field(default_factory=User)
    env: tuple[str, ...] = ()
    terminal: bool = False
    capabilities: Capabilities | None = None
    rlimits: tuple[PosixRlimit, ...] = ()
    no_new_privileges: bool = False
    oom_score_adj: int | None = None


@dataclass(frozen=True)
class Root:
    """`root`: where the root file system is, and whether it may be written to."""

    path: str
    readonly: bool = False


@dataclass(frozen=True)
class Mount:
    """`mounts[]`, in order; options as mount(8) writes them."""

    destination: str
    type: str = ""
    source: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Namespace:
    """`linux.namespaces[]`: a new one of this type, or the one at `path`."""

    type: str
    path: str = ""


@dataclass(frozen=True)
class DeviceRule:
    """`linux.resources.devices[]`: `type` a/b/c; `None` numbers match all; `access` of r, w, m."""

    allow: bool
    type: str = "a"
    major: int | None = None
    minor: int | None = None
    access: str = "rwm"


@dataclass(frozen=True)
class Memory:
    """`linux.resources.memory`, bytes; `swap` is memory and swap together."""

    limit: int | None = None
    swap: int | None = None


@dataclass(frozen=True)
class Cpu:
    """`linux.resources.cpu`: `quota` microseconds of running in each `period` microseconds."""

    shares: int | None = None
    quota: int | None = None
    period: int | None = None


@dataclass(frozen=True)
class Pids:
    """`linux.resources.pids`."""

    limit: int


@dataclass(frozen=True)
class Resources:
    """`linux.resources`."""

    devices: tuple[DeviceRule, ...] = ()
    memory: Memory | None = None
    cpu: Cpu | None = None
    pids: Pids | None = None


@dataclass(frozen=True)
class SeccompArgument:
    """`linux.seccomp.syscalls[].args[]`: a comparison of one argument, `op` such as `SCMP_CMP_EQ`."""

    index: int
    value: int
    op: str
    value_two: int = 0


@dataclass(frozen=True)
class SeccompRule:
    """`linux.seccomp.syscalls[]`: what to do when one of `names` is called and every argument compares."""

    names: tuple[str, ...]
    action: str
    errno_ret: int | None = None
    args: tuple[SeccompArgument, ...] = ()


@dataclass(frozen=True)
class Seccomp:
    """`linux.seccomp`."""

    default_action: str
    default_errno_ret: int | None = None
    architectures: tuple[str, ...] = ()
    syscalls: tuple[SeccompRule, ...] = ()


@dataclass(frozen=True)
class Linux:
    """`linux`."""

    namespaces: tuple[Namespace, ...] = ()
    cgroups_path: str = ""
    resources: Resources = field(default_factory=Resources)
    seccomp: Seccomp | None = None
    masked_paths: tuple[str, ...] = ()
    readonly_paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spec:
    """A whole `config.json`."""

    oci_version: str
    process: Process
    root: Root
    linux: Linux
    hostname: str = ""
    mounts: tuple[Mount, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read a `config.json` document; InvalidSpec names a wrong field."""
        return codec.from_json(cls, value, oci=True)

    def to_json(self) -> Any:
        """The document, keys as the specification writes them."""
        return codec.to_json(self, oci=True)
