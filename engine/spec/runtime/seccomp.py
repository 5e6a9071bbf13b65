"""Which system calls a container may make (config-linux.md, "Seccomp")."""

from dataclasses import dataclass


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
    """`linux.seccomp`; `listener_path` is the socket that gets the descriptor of `SCMP_ACT_NOTIFY`."""

    default_action: str
    default_errno_ret: int | None = None
    architectures: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    listener_path: str = ""
    listener_metadata: str = ""
    syscalls: tuple[SeccompRule, ...] = ()
