"""What a bundle sets of its process, and of the kernel within its namespaces, as data for the first process to act on.

Linux's own numbers are looked up here, so that nobody inside has to know them.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.container import apparmor
from engine.errors import Unsupported
from engine.launcher.program import AS_ROOT
from engine.spec import mount_options
from engine.spec.runtime import Linux, Process, Spec
from engine.spec.runtime.checks.seccomp import FLAGS, uses_listener
from engine.sys import calls

_NEW_LISTENER = 8  # SECCOMP_FILTER_FLAG_NEW_LISTENER
_DOMAIN = "kernel/domainname"
_KEYS = Path("/proc/keys")  # there is none in kernels without keys
_SELINUX = Path("/sys/fs/selinux/enforce")


def of_process(process: Process, linux: Linux, *, has_keyring: bool = True) -> list[list[Any]]:
    """`settings` as `engine/launcher/messages.py` describes them. Raises Unsupported for a missing security module.

    `has_keyring`: the process gets a session keyring of its own, so that it sees no keys of whoever started it.
    """
    machine = os.uname().machine
    found: list[list[Any]] = []
    if has_keyring and _KEYS.exists():
        found.append(["syscall", *calls.join_session_keyring(machine)])
    if process.user.umask is not None:
        found.append(["syscall", *calls.call(machine, "umask", process.user.umask)])
    if (wanted := process.scheduler) is not None:
        call = calls.sched_setattr(
            machine,
            wanted.policy,
            flags=wanted.flags,
            nice=wanted.nice,
            priority=wanted.priority,
            runtime_ns=wanted.runtime,
            deadline_ns=wanted.deadline,
            period_ns=wanted.period,
        )
        found.append([AS_ROOT, *call])
    if process.io_priority is not None:
        call = calls.ioprio_set(machine, process.io_priority.class_, process.io_priority.priority)
        found.append([AS_ROOT, *call])
    if linux.personality is not None:
        found.append(["syscall", *calls.call(machine, "personality", calls.DOMAINS[linux.personality.domain])])
    return found + _labels(process)


def has_selinux() -> bool:
    """Whether the kernel knows what a label of SELinux is."""
    return _SELINUX.exists()


def _labels(process: Process) -> list[list[Any]]:
    """What the security modules are told to make of the program at its execve (apparmor(7), proc_pid_attr(5))."""
    found: list[list[Any]] = []
    if process.apparmor_profile:
        if not apparmor.is_enabled():
            raise Unsupported(
                f"This kernel has no AppArmor, so the profile {process.apparmor_profile} cannot be applied.",
                hint="Leave the profile out, or enable AppArmor.",
            )
        found.append(["write", "/proc/self/attr/apparmor/exec", f"exec {process.apparmor_profile}".encode()])
    if process.selinux_label:
        if not has_selinux():
            raise Unsupported(
                f"This kernel has no SELinux, so the label {process.selinux_label} cannot be applied.",
                hint="Leave the label out, or enable SELinux.",
            )
        found.append(["write", "/proc/self/attr/exec", process.selinux_label.encode()])
    return found


def filter_flags(linux: Linux) -> int:
    """seccomp(2)'s flags for the bundle's filter. TSYNC asks for nothing where there is but one thread."""
    if linux.seccomp is None:
        return 0
    named = sum(FLAGS[flag] for flag in set(linux.seccomp.flags) - {"SECCOMP_FILTER_FLAG_TSYNC"})
    return named | (_NEW_LISTENER if uses_listener(linux.seccomp) else 0)


def of_namespaces(spec: Spec, there: Mapping[str, str]) -> list[list[Any]]:
    """Steps that set what namespaces keep: the domain's name, kernel settings, and where later mounts are seen.

    The settings `there` are what they are by then.
    """
    machine = os.uname().machine
    found: list[list[Any]] = []
    settings = {_sysctl_path(name): value for name, value in spec.linux.sysctl.items() if there.get(name) != value}
    # The file is only root's of the host to write to, the call takes rights in the namespace.
    if domain := settings.pop(_DOMAIN, spec.domainname).encode():
        found.append(["syscall", *calls.call(machine, "setdomainname", domain, len(domain))])
    found += [["write", f"/proc/sys/{path}", value.encode()] for path, value in settings.items()]
    if spec.linux.rootfs_propagation:
        propagation = mount_options.parse((spec.linux.rootfs_propagation,), "linux.rootfsPropagation").propagation
        found.append(["mount", "", "/", "", propagation, ""])
    return found


def time_offsets(linux: Linux) -> str:
    """What is written to `timens_offsets` of proc(5) for the container's clocks."""
    return "".join(f"{clock} {offset.secs} {offset.nanosecs}\n" for clock, offset in linux.time_offsets.items())


def _sysctl_path(name: str) -> str:
    """sysctl(8)'s rule: the first separator decides; after a dot, a slash stands for a dot within a name."""
    if name.find(".") < 0 or -1 < name.find("/") < name.find("."):
        return name
    return name.translate(str.maketrans("./", "/."))
