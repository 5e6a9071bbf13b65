"""What of a specification gives a container more of its host than others are given: a matter of trust, not of form."""

from collections.abc import Iterator

from engine.spec import defaults, syslog
from engine.spec.container import CgroupNamespace, ContainerSpec
from engine.spec.mounts import MountType
from engine.spec.volumes import reaches_host

_TIME_SHARING = ("SCHED_OTHER", "SCHED_BATCH", "SCHED_IDLE")


def privileges(spec: ContainerSpec) -> list[str]:
    """The fields by which it asks for such a thing, in order; none of an ordinary container.

    A namespace that is another container's brings what that one has, which is for the caller to look up.
    """
    return list(_asked(spec))


def outlets(spec: ContainerSpec) -> list[str]:
    """The fields by which its output goes to where the caller wants it, from the host's network or by a path of its.

    The syslog server of the host itself is nobody's choice. Whoever works inside the container gains no more by it than
    that what he writes is sent there.
    """
    chosen = "syslog-address" in spec.log.options and syslog.address(spec.log.options) != syslog.address({})
    return ["log.options.syslog-address"] if chosen else []


def _asked(spec: ContainerSpec) -> Iterator[str]:
    if spec.privileged:
        yield "privileged"
    for name in ("network", "pid", "ipc", "uts", "userns"):
        if getattr(spec, name) == "host":
            yield name
    if spec.cgroup_namespace == CgroupNamespace.HOST:
        yield "cgroup_namespace"
    if any(mount.type is MountType.BIND or reaches_host(mount.volume_options) for mount in spec.mounts):
        yield "mounts"
    for name in ("cap_add", "cap_ambient"):
        if _has_more(getattr(spec, name)):
            yield name
    # An own profile may allow everything, an own list hide nothing, another runtime knows no user namespace of ours.
    for name in (
        *("seccomp", "apparmor", "selinux_label", "runtime", "cgroup_parent"),
        *("devices", "cdi_devices", "gpus", "device_cgroup_rules"),
    ):
        if getattr(spec, name):
            yield name
    for name in ("masked_paths", "readonly_paths"):
        if getattr(spec, name) is not None:
            yield name
    if spec.oom_score_adj < 0:
        yield "oom_score_adj"
    if spec.scheduler is not None and spec.scheduler.policy not in _TIME_SHARING:
        yield "scheduler"
    if spec.io_priority is not None and spec.io_priority.class_ == "IOPRIO_CLASS_RT":
        yield "io_priority"


def _has_more(capabilities: tuple[str, ...]) -> bool:
    asked = {f"CAP_{name.upper().removeprefix('CAP_')}" for name in capabilities}
    return not asked <= set(defaults.CAPABILITIES)
