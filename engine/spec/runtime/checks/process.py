"""Checks of `process`; those of its parts serve a container's own specification too, under its names."""

import re

from engine.errors import InvalidSpec
from engine.spec.runtime.process import (
    Capabilities,
    ConsoleSize,
    IoPriority,
    PosixRlimit,
    Process,
    Scheduler,
    User,
)
from engine.spec.values import between, one_of
from engine.sys import calls, names

_MAXIMUM_ID = (1 << 32) - 2  # (uid_t)-1 is no user
_MOST = 1 << 64
_CPU_LIST = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")


def check(where: str, process: Process) -> None:
    """The whole object."""
    if not process.args or not process.args[0]:
        raise InvalidSpec(f"{where}.args", "must name a program")
    if not process.cwd.startswith("/"):
        raise InvalidSpec(f"{where}.cwd", f"{process.cwd[:80]!r} must be an absolute path")
    for index, entry in enumerate(process.env):
        if entry.find("=") < 1:
            raise InvalidSpec(f"{where}.env[{index}]", f"{entry[:80]!r} is not NAME=value")
    user(f"{where}.user", process.user)
    _capabilities(f"{where}.capabilities", process.capabilities)
    _rlimits(f"{where}.rlimits", process.rlimits)
    between(f"{where}.oomScoreAdj", process.oom_score_adj, -1000, 1000)
    console_size(f"{where}.consoleSize", process.console_size)
    scheduler(f"{where}.scheduler", process.scheduler)
    io_priority(f"{where}.ioPriority", process.io_priority)
    if process.exec_cpu_affinity is not None:
        cpu_list(f"{where}.execCPUAffinity.initial", process.exec_cpu_affinity.initial)
        cpu_list(f"{where}.execCPUAffinity.final", process.exec_cpu_affinity.final)


def user(where: str, value: User) -> None:
    """Ids of 32 bits; a umask of permission bits."""
    between(f"{where}.uid", value.uid, 0, _MAXIMUM_ID)
    between(f"{where}.gid", value.gid, 0, _MAXIMUM_ID)
    between(f"{where}.umask", value.umask, 0, 0o777)
    for index, gid in enumerate(value.additional_gids):
        between(f"{where}.additionalGids[{index}]", gid, 0, _MAXIMUM_ID)


def console_size(where: str, size: ConsoleSize | None) -> None:
    """What struct winsize holds."""
    if size is not None:
        between(f"{where}.height", size.height, 0, 0xFFFF)
        between(f"{where}.width", size.width, 0, 0xFFFF)


def scheduler(where: str, value: Scheduler | None) -> None:
    """A policy of sched(7), with the parameters that this policy has."""
    if value is None:
        return
    one_of(f"{where}.policy", value.policy, calls.POLICIES)
    for index, flag in enumerate(value.flags):
        one_of(f"{where}.flags[{index}]", flag, calls.FLAGS)
    between(f"{where}.nice", value.nice, -20, 19)
    for name in ("runtime", "deadline", "period"):
        amount: int = getattr(value, name)
        between(f"{where}.{name}", amount, 0, _MOST - 1)
        if amount and value.policy != "SCHED_DEADLINE":
            raise InvalidSpec(f"{where}.{name}", "is for SCHED_DEADLINE only")
    is_realtime = value.policy in ("SCHED_FIFO", "SCHED_RR")
    if value.priority and not is_realtime:
        raise InvalidSpec(f"{where}.priority", "is for SCHED_FIFO and SCHED_RR only")
    if is_realtime:
        between(f"{where}.priority", value.priority, 1, 99)


def io_priority(where: str, value: IoPriority | None) -> None:
    """A class of ioprio_set(2) and one of its eight levels."""
    if value is not None:
        one_of(f"{where}.class", value.class_, calls.IO_CLASSES)
        between(f"{where}.priority", value.priority, 0, 7)


def cpu_list(where: str, value: str) -> None:
    """Nothing, or processors such as `0-3,7`."""
    if value and not _CPU_LIST.fullmatch(value):
        raise InvalidSpec(where, f"{value[:80]!r} is not a list such as 0-3,7")


def _capabilities(where: str, sets: Capabilities | None) -> None:
    """Names are the kernel's; what is effective must be permitted."""
    if sets is None:
        return
    for kind in ("bounding", "effective", "inheritable", "permitted", "ambient"):
        for index, name in enumerate(getattr(sets, kind)):
            if not name.startswith("CAP_") or names.capability(name) is None:
                raise InvalidSpec(f"{where}.{kind}[{index}]", f"{name[:80]!r} is not a capability")
    for index, name in enumerate(sets.effective):
        if name not in sets.permitted:
            raise InvalidSpec(f"{where}.effective[{index}]", f"{name} is not permitted")


def _rlimits(where: str, limits: tuple[PosixRlimit, ...]) -> None:
    """Each limit once, its soft value at most its hard one."""
    seen = set()
    for index, limit in enumerate(limits):
        if limit.type in seen:
            raise InvalidSpec(f"{where}[{index}].type", f"{limit.type} is there twice")
        seen.add(limit.type)
        if not limit.type.startswith("RLIMIT_") or limit.type[7:].lower() not in names.RLIMITS:
            raise InvalidSpec(f"{where}[{index}].type", f"{limit.type[:40]!r} is not a process limit")
        between(f"{where}[{index}].hard", limit.hard, 0, _MOST - 1)
        between(f"{where}[{index}].soft", limit.soft, 0, limit.hard)
