"""The kernel's names and numbers that people write in specifications: capabilities, signals, process limits."""

import re
import resource
import signal as _signal

CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE"
    " NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN"
    " SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE"
    " MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()
"""Without `CAP_`, in the order of their numbers (linux/capability.h)."""

RLIMITS = {name[7:].lower(): getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}
RLIMITS.pop("ofile", None)  # BSD's name for nofile
RLIMITS |= {"locks": 10}  # RLIMIT_LOCKS, which Python leaves out


def capability(name: str) -> int | None:
    """Number of `NET_ADMIN`, `cap_net_admin` …; None when there is no such capability."""
    bare = name.upper().removeprefix("CAP_")
    return CAPABILITIES.index(bare) if bare in CAPABILITIES else None


def signal(name: str) -> int | None:
    """Number of `TERM`, `SIGTERM`, `RTMIN+3`, `RTMAX-1` or `15`; None when there is no such signal."""
    bare = name.upper().removeprefix("SIG")
    if bare.isascii() and bare.isdigit():
        return int(bare) if 1 <= int(bare) <= 64 else None
    if offset := re.fullmatch(r"RT(MIN\+|MAX-)([0-9]{1,2})", bare):
        number = _signal.SIGRTMIN + int(offset[2]) if offset[1] == "MIN+" else _signal.SIGRTMAX - int(offset[2])
        return number if _signal.SIGRTMIN <= number <= _signal.SIGRTMAX else None
    member = _signal.Signals.__members__.get(f"SIG{bare}")
    return int(member) if member is not None else None


def signal_name(number: int) -> str:
    """`TERM` for 15; the number itself where it has no name, as most real-time signals."""
    try:
        return _signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)
