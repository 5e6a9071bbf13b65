"""The OCI runtime specification's bundle configuration (`config.json`), version 1.2, for Linux: every field of it.

Field meanings are those of https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config.md and config-linux.md;
`docs/runtime.md` says what becomes of each here.
"""

from engine.spec.runtime.config import OCI_VERSION, Root, Spec
from engine.spec.runtime.hooks import Hook, Hooks
from engine.spec.runtime.linux import Device, IntelRdt, Linux, Namespace, Personality, TimeOffset
from engine.spec.runtime.mounts import IdMapping, Mount
from engine.spec.runtime.process import (
    Capabilities,
    ConsoleSize,
    ExecCpuAffinity,
    IoPriority,
    PosixRlimit,
    Process,
    Scheduler,
    User,
)
from engine.spec.runtime.resources import (
    BlockIo,
    Cpu,
    DeviceRule,
    HugepageLimit,
    InterfacePriority,
    Memory,
    Network,
    Pids,
    Rdma,
    Resources,
    ThrottleDevice,
    WeightDevice,
)
from engine.spec.runtime.seccomp import Seccomp, SeccompArgument, SeccompRule

__all__ = [
    "OCI_VERSION",
    "BlockIo",
    "Capabilities",
    "ConsoleSize",
    "Cpu",
    "Device",
    "DeviceRule",
    "ExecCpuAffinity",
    "Hook",
    "Hooks",
    "HugepageLimit",
    "IdMapping",
    "IntelRdt",
    "InterfacePriority",
    "IoPriority",
    "Linux",
    "Memory",
    "Mount",
    "Namespace",
    "Network",
    "Personality",
    "Pids",
    "PosixRlimit",
    "Process",
    "Rdma",
    "Resources",
    "Root",
    "Scheduler",
    "Seccomp",
    "SeccompArgument",
    "SeccompRule",
    "Spec",
    "ThrottleDevice",
    "TimeOffset",
    "User",
    "WeightDevice",
]
