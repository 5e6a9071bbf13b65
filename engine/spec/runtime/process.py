"""What runs in a container, as whom, and with which rights (config.md, "Process")."""

from dataclasses import dataclass, field

from engine.spec import codec


@dataclass(frozen=True)
class User:
    """`process.user`: numeric ids; names were resolved when the bundle was made. Without `umask` it is 0022."""

    uid: int = 0
    gid: int = 0
    umask: int | None = None
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
class ConsoleSize:
    """`process.consoleSize`: character cells."""

    height: int
    width: int


@dataclass(frozen=True)
class Scheduler:
    """`process.scheduler`, as sched_setattr(2) takes it: `policy` such as `SCHED_BATCH`, times in nanoseconds."""

    policy: str
    nice: int = 0
    priority: int = 0
    flags: tuple[str, ...] = ()
    runtime: int = 0
    deadline: int = 0
    period: int = 0


@dataclass(frozen=True)
class IoPriority:
    """`process.ioPriority`: `class_` such as `IOPRIO_CLASS_BE`, `priority` from 0 (first) to 7."""

    class_: str = field(metadata=codec.key("class"))
    priority: int = 0


@dataclass(frozen=True)
class ExecCpuAffinity:
    """`process.execCPUAffinity`: processors (`0-3,7`) of an exec before and after it joins the container's groups."""

    initial: str = ""
    final: str = ""


@dataclass(frozen=True)
class Process:
    """`process`: what runs, as whom, and with which rights."""

    args: tuple[str, ...]
    cwd: str
    user: User = field(default_factory=User)
    env: tuple[str, ...] = ()
    terminal: bool = False
    console_size: ConsoleSize | None = None
    capabilities: Capabilities | None = None
    rlimits: tuple[PosixRlimit, ...] = ()
    no_new_privileges: bool = False
    oom_score_adj: int | None = None
    scheduler: Scheduler | None = None
    io_priority: IoPriority | None = None
    exec_cpu_affinity: ExecCpuAffinity | None = field(default=None, metadata=codec.key("execCPUAffinity"))
    apparmor_profile: str = ""
    selinux_label: str = ""
