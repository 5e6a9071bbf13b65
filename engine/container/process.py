"""Makes a bundle's `process` from what was asked, what the image says, and Docker's defaults."""

import functools
import os
import resource
from pathlib import Path

from engine.container import apparmor, settings
from engine.container.users import Identity
from engine.errors import InvalidSpec, Unsupported
from engine.images import Image
from engine.spec import defaults
from engine.spec.container import ContainerSpec
from engine.spec.runtime import Capabilities, Mount, PosixRlimit, Process, User
from engine.spec.seccomp import UNCONFINED
from engine.sys import names
from engine.sys.capabilities import bounding

_NR_OPEN = Path("/proc/sys/fs/nr_open")
_UNLIMITED = (1 << 64) - 1
_INIT_INSIDE = "/sbin/docker-init"
_INITS = (
    *("/usr/bin/docker-init", "/usr/libexec/docker/docker-init", "/usr/bin/catatonit", "/usr/libexec/podman/catatonit"),
    "/usr/bin/tini-static",
)
"""Statically linked programs that start another, pass signals on to it and reap what it leaves behind."""


def check_scheduler(spec: ContainerSpec, *, owns_ids: bool) -> None:
    """Raise InvalidSpec for a policy that only root of the host may choose, and that no child of it inherits."""
    if owns_ids and spec.scheduler is not None and spec.scheduler.policy == "SCHED_DEADLINE":
        raise InvalidSpec("scheduler.policy", "SCHED_DEADLINE is for the host's ids only", hint="Use userns=host.")


def make(spec: ContainerSpec, image: Image, identity: Identity, hostname: str) -> Process:
    """The process of the container. Raises InvalidSpec when there is nothing to run."""
    arguments = _arguments(spec, image)
    return Process(
        args=(_INIT_INSIDE, "--", *arguments) if spec.init else arguments,
        cwd=spec.cwd or image.working_dir or "/",
        user=User(identity.uid, identity.gid, int(spec.umask, 8) if spec.umask else None, identity.groups),
        env=_environment(spec, image, identity, hostname),
        terminal=spec.tty,
        console_size=spec.terminal_size,
        capabilities=_capability_sets(spec, is_root=identity.uid == 0),
        rlimits=_rlimits(spec),
        no_new_privileges=spec.no_new_privileges,
        apparmor_profile=_apparmor_profile(spec),
        selinux_label=spec.selinux_label if settings.has_selinux() else "",
        oom_score_adj=spec.oom_score_adj,
        scheduler=spec.scheduler,
        io_priority=spec.io_priority,
    )


def warnings(spec: ContainerSpec) -> list[str]:
    """What was asked of the process, or guards every other, and this host passes over, in words."""
    found = []
    if spec.selinux_label and not settings.has_selinux():
        found.append(f"The label {spec.selinux_label} is not set: this kernel has no SELinux.")
    if _wants_default(spec) and (why_not := apparmor.load_default()):
        found.append(f"No AppArmor profile confines it: {why_not}")
    return found


def _wants_default(spec: ContainerSpec) -> bool:
    return apparmor.is_enabled() and not spec.apparmor and not spec.privileged


def _apparmor_profile(spec: ContainerSpec) -> str:
    if _wants_default(spec):
        return "" if apparmor.load_default() else apparmor.DEFAULT
    return "" if spec.apparmor == UNCONFINED else spec.apparmor


def check_limits(spec: ContainerSpec) -> None:
    """Raise Unsupported for a process limit beyond what this host's root may give."""
    for name, limit in spec.rlimits.items():
        most, why = _highest(name)
        if most >= 0 and (limit.hard < 0 or limit.hard > most):
            wanted = "without limit" if limit.hard < 0 else str(limit.hard)
            raise Unsupported(f"This host cannot give a program {name} {wanted}: {most} is the most, by {why}.")


def _highest(name: str) -> tuple[int, str]:
    """The highest hard limit, -1 for none, and what sets it (setrlimit(2))."""
    if "CAP_SYS_RESOURCE" not in everything():
        return resource.getrlimit(names.RLIMITS[name])[1], "its own limit, as it has no CAP_SYS_RESOURCE"
    if name == "nofile":
        return int(_NR_OPEN.read_text()), "fs.nr_open"
    return -1, ""


def init_mount() -> Mount:
    """The mount that brings an init program of this host's into a container. Raises Unsupported where there is none."""
    for path in _INITS:
        if os.access(path, os.X_OK):
            return Mount(_INIT_INSIDE, "bind", os.path.realpath(path), ("bind", "ro"))
    raise Unsupported(
        "This host has no init program for containers.", hint="Install the package catatonit (or tini-static)."
    )


def capabilities(spec: ContainerSpec) -> tuple[str, ...]:
    """Drops first, then additions, as Docker counts them; `ALL`, and privileged, is every capability this host has.

    Of those that every container has, one that this host has not is left out; one that was asked for by name is told.
    """
    if spec.privileged:
        return everything()
    dropped, added = _full_names(spec.cap_drop), _full_names(spec.cap_add)
    usual = () if "CAP_ALL" in dropped else (name for name in defaults.CAPABILITIES if name in everything())
    base = [name for name in usual if name not in dropped]
    wanted = set(everything()) - dropped if "CAP_ALL" in added else set(base) | added
    return tuple(name for name in (f"CAP_{bare}" for bare in names.CAPABILITIES) if name in wanted)


@functools.cache
def everything() -> tuple[str, ...]:
    """Every capability this host has: root itself may lack some, in a virtual machine or a container."""
    held = bounding()
    return tuple(f"CAP_{name}" for number, name in enumerate(names.CAPABILITIES) if held >> number & 1)


def _arguments(spec: ContainerSpec, image: Image) -> tuple[str, ...]:
    """Docker's rule: an entrypoint of the caller's own silences the image's command."""
    entrypoint = image.entrypoint if spec.entrypoint is None else spec.entrypoint
    default = image.command if spec.entrypoint is None else ()
    arguments = (*(entrypoint or ()), *((spec.command if spec.command is not None else default) or ()))
    if not arguments:
        raise InvalidSpec("command", f"image {spec.image} names no program to run", hint="Give a command.")
    if not arguments[0]:
        raise InvalidSpec("entrypoint" if entrypoint else "command", "begins with an empty word, which is no program")
    return arguments


def _environment(spec: ContainerSpec, image: Image, identity: Identity, hostname: str) -> tuple[str, ...]:
    """Later entries win; what the image and the caller did not set gets its usual value."""
    usual = [f"PATH={defaults.PATH}", f"HOSTNAME={hostname}", *(["TERM=xterm"] if spec.tty else [])]
    entries = [*usual, *image.env, *spec.env]
    merged = dict(entry.split("=", 1) for entry in entries if entry.find("=") > 0)  # an image may hold anything
    merged.setdefault("HOME", identity.home)
    return tuple(f"{name}={value}" for name, value in merged.items())


def _full_names(values: tuple[str, ...]) -> set[str]:
    return {f"CAP_{value.upper().removeprefix('CAP_')}" for value in values}


def _capability_sets(spec: ContainerSpec, *, is_root: bool) -> Capabilities:
    """Another user than root starts with the ambient ones, but may gain any bounding one by file capabilities."""
    most = capabilities(spec)
    ambient = tuple(name for name in most if name in _full_names(spec.cap_ambient))
    if missing := _full_names(spec.cap_ambient).difference(ambient):
        raise InvalidSpec("cap_ambient", f"{min(missing)} is not among the container's capabilities", hint="Add it.")
    held = most if is_root else ambient
    return Capabilities(bounding=most, effective=held, inheritable=ambient, permitted=held, ambient=ambient)


def _rlimits(spec: ContainerSpec) -> tuple[PosixRlimit, ...]:
    def number(value: int) -> int:
        return _UNLIMITED if value < 0 else value

    return tuple(
        PosixRlimit(f"RLIMIT_{name.upper()}", number(limit.soft), number(limit.hard))
        for name, limit in spec.rlimits.items()
    )
