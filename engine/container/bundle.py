"""Makes the OCI bundle configuration of a container from what was asked, what its image says, and Docker's defaults."""

import math

from engine.container.users import Identity
from engine.errors import InvalidSpec
from engine.images import Image
from engine.spec import defaults, seccomp
from engine.spec.container import ContainerSpec, NetworkMode, Resources
from engine.spec.runtime import (
    OCI_VERSION,
    Capabilities,
    Cpu,
    Linux,
    Memory,
    Namespace,
    Pids,
    PosixRlimit,
    Process,
    Root,
    Spec,
    User,
)
from engine.spec.runtime import Resources as OciResources
from engine.sys import names

_CPU_PERIOD_US = 100000
_UNLIMITED = (1 << 64) - 1
_SHORT_ID = 12


def make(container_id: str, spec: ContainerSpec, image: Image, identity: Identity, cgroups_path: str) -> Spec:
    """The `config.json` of the container. Raises InvalidSpec when there is nothing to run."""
    capabilities = _capabilities(spec)
    hostname = spec.hostname or container_id[:_SHORT_ID]
    return Spec(
        oci_version=OCI_VERSION,
        process=Process(
            args=_arguments(spec, image),
            cwd=spec.cwd or image.working_dir or "/",
            user=User(identity.uid, identity.gid, additional_gids=identity.groups),
            env=_environment(spec, image, identity, hostname),
            terminal=spec.tty,
            capabilities=_capability_sets(capabilities, is_root=identity.uid == 0),
            rlimits=_rlimits(spec),
            no_new_privileges=spec.no_new_privileges,
            oom_score_adj=0,  # the launcher may be better protected than any container should be
        ),
        root=Root("rootfs", spec.read_only),
        hostname=hostname,
        mounts=defaults.MOUNTS,
        linux=Linux(
            namespaces=_namespaces(spec.network),
            cgroups_path=cgroups_path,
            resources=_resources(spec.resources),
            seccomp=seccomp.default_profile_here(frozenset(capabilities)),
            masked_paths=defaults.MASKED_PATHS,
            readonly_paths=defaults.READONLY_PATHS,
        ),
    )


def _arguments(spec: ContainerSpec, image: Image) -> tuple[str, ...]:
    """Docker's rule: an entrypoint of the caller's own silences the image's command."""
    entrypoint = image.entrypoint if spec.entrypoint is None else spec.entrypoint
    default = image.command if spec.entrypoint is None else ()
    arguments = (*(entrypoint or ()), *((spec.command if spec.command is not None else default) or ()))
    if not arguments:
        raise InvalidSpec("command", f"image {spec.image} names no program to run", hint="Give a command.")
    return arguments


def _environment(spec: ContainerSpec, image: Image, identity: Identity, hostname: str) -> tuple[str, ...]:
    """Later entries win; what the image and the caller did not set gets its usual value."""
    usual = [f"PATH={defaults.PATH}", f"HOSTNAME={hostname}", *(["TERM=xterm"] if spec.tty else [])]
    entries = [*usual, *image.env, *spec.env]
    merged = dict(entry.split("=", 1) for entry in entries if "=" in entry)
    merged.setdefault("HOME", identity.home)
    return tuple(f"{name}={value}" for name, value in merged.items())


def _capabilities(spec: ContainerSpec) -> tuple[str, ...]:
    """Drops first, then additions, as Docker counts them; `ALL` is every capability there is."""
    everything = [f"CAP_{name}" for name in names.CAPABILITIES]
    dropped, added = _full_names(spec.cap_drop), _full_names(spec.cap_add)
    base = [] if "CAP_ALL" in dropped else [name for name in defaults.CAPABILITIES if name not in dropped]
    wanted = set(everything) - dropped if "CAP_ALL" in added else set(base) | added
    return tuple(name for name in everything if name in wanted)


def _full_names(values: tuple[str, ...]) -> set[str]:
    return {f"CAP_{value.upper().removeprefix('CAP_')}" for value in values}


def _capability_sets(capabilities: tuple[str, ...], *, is_root: bool) -> Capabilities:
    """Another user than root starts with none, but may still gain those of the bounding set by file capabilities."""
    held = capabilities if is_root else ()
    return Capabilities(bounding=capabilities, effective=held, permitted=held)


def _rlimits(spec: ContainerSpec) -> tuple[PosixRlimit, ...]:
    def number(value: int) -> int:
        return _UNLIMITED if value < 0 else value

    return tuple(
        PosixRlimit(f"RLIMIT_{name.upper()}", number(limit.soft), number(limit.hard))
        for name, limit in spec.rlimits.items()
    )


def _namespaces(network: NetworkMode) -> tuple[Namespace, ...]:
    own = ["mount", "pid", "uts", "ipc", "cgroup"]
    return tuple(Namespace(kind) for kind in own + (["network"] if network is NetworkMode.NONE else []))


def _resources(limits: Resources) -> OciResources:
    """Docker's reading: memory with swap is twice the memory; a share of processors is a quota in each 0.1 s."""
    memory, cpu, pids = None, None, None
    if limits.memory_bytes is not None:
        memory = Memory(limits.memory_bytes, 2 * limits.memory_bytes)
    if limits.cpus is not None or limits.cpu_shares is not None:
        quota = None if limits.cpus is None else max(1000, math.floor(limits.cpus * _CPU_PERIOD_US))
        cpu = Cpu(limits.cpu_shares, quota, None if quota is None else _CPU_PERIOD_US)
    if limits.pids is not None:
        pids = Pids(limits.pids)
    return OciResources(defaults.DEVICE_RULES, memory, cpu, pids)
