"""What a process may be told about itself: settings, domain, keyring, umask; the numbers, as calls to be made.

Sources: sched(7), ioprio_set(2), personality(2), keyctl(2).

A call is `[name, number, *arguments]`; whoever is to be scheduled makes it by `engine.sys.libc.syscall`.
"""

import struct

POLICIES = {
    "SCHED_OTHER": 0,
    "SCHED_FIFO": 1,
    "SCHED_RR": 2,
    "SCHED_BATCH": 3,
    "SCHED_ISO": 4,
    "SCHED_IDLE": 5,
    "SCHED_DEADLINE": 6,
}
FLAGS = {
    "SCHED_FLAG_RESET_ON_FORK": 0x01,
    "SCHED_FLAG_RECLAIM": 0x02,
    "SCHED_FLAG_DL_OVERRUN": 0x04,
    "SCHED_FLAG_KEEP_POLICY": 0x08,
    "SCHED_FLAG_KEEP_PARAMS": 0x10,
    "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
    "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
}
IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
DOMAINS = {"LINUX": 0, "LINUX32": 8}

_NUMBERS = {
    "x86_64": {
        "sched_setattr": 314,
        "ioprio_set": 251,
        "personality": 135,
        "setdomainname": 171,
        "umask": 95,
        "keyctl": 250,
    },
    "aarch64": {
        "sched_setattr": 274,
        "ioprio_set": 30,
        "personality": 92,
        "setdomainname": 162,
        "umask": 166,
        "keyctl": 219,
    },
}
_IOPRIO_WHO_PROCESS, _IOPRIO_CLASS_SHIFT, _KEYCTL_JOIN_SESSION_KEYRING = 1, 13, 1
_SCHED_ATTR = struct.Struct("<IIQiIQQQ")  # struct sched_attr as first published

Call = list[object]


def call(machine: str, name: str, *arguments: int | bytes) -> Call:
    """The system call `name` of this machine with its arguments."""
    return [name, _NUMBERS[machine][name], *arguments]


def sched_setattr(
    machine: str,
    policy: str,
    *,
    flags: tuple[str, ...] = (),
    nice: int = 0,
    priority: int = 0,
    runtime_ns: int = 0,
    deadline_ns: int = 0,
    period_ns: int = 0,
) -> Call:
    """sched_setattr(2) on the caller."""
    bits = sum(FLAGS[flag] for flag in set(flags))
    times = (runtime_ns, deadline_ns, period_ns)
    attributes = _SCHED_ATTR.pack(_SCHED_ATTR.size, POLICIES[policy], bits, nice, priority, *times)
    return call(machine, "sched_setattr", 0, attributes, 0)


def ioprio_set(machine: str, class_: str, level: int) -> Call:
    """ioprio_set(2) on the caller."""
    return call(machine, "ioprio_set", _IOPRIO_WHO_PROCESS, 0, IO_CLASSES[class_] << _IOPRIO_CLASS_SHIFT | level)


def join_session_keyring(machine: str) -> Call:
    """keyctl(2): leave the session's keyring, and whatever keys are in it, for a new one of the caller's own."""
    return call(machine, "keyctl", _KEYCTL_JOIN_SESSION_KEYRING, 0)
