"""What a caller may ask of a container, and what the engine tells about one: the values that cross its border."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.errors import InvalidSpec
from engine.spec import cdi, checks, codec, name_lookup, seccomp
from engine.spec.defaults import RESERVED
from engine.spec.devices import Device, check_devices
from engine.spec.life import HealthCheck, Restart, RestartPolicy, check_ttl
from engine.spec.logs import LogConfig
from engine.spec.mounts import Mount, check_guarded_paths, check_mounts
from engine.spec.network import EndpointSpec, PublishedPort
from engine.spec.resources import Resources
from engine.spec.runtime import ConsoleSize, IoPriority, Scheduler, TimeOffset
from engine.spec.runtime.checks import linux, process
from engine.spec.values import between, one_of

_LEAST_STORAGE_BYTES = 1 << 20


class NetworkMode(StrEnum):
    """`none`: a network namespace of its own with only loopback. `host`: the host's network, nothing hidden."""

    NONE = "none"
    HOST = "host"


class CgroupNamespace(StrEnum):
    """`private`: a container sees its own control group as the root. `host`: it sees them all, and its place."""

    PRIVATE = "private"
    HOST = "host"


class Status(StrEnum):
    """Where a container is in its life; the legal steps between these are in `engine/container/state.py`."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    EXITED = "exited"
    REMOVING = "removing"


@dataclass(frozen=True)
class Rlimit:
    """A process limit of setrlimit(2): `soft` ≤ `hard`, -1 is unlimited."""

    soft: int
    hard: int


JOINABLE = ("network", "pid", "ipc", "uts", "time", "cgroup_namespace")
"""The fields that may be `container:<id or name>`: then it has that container's namespace."""


@dataclass(frozen=True)
class ContainerSpec(codec.Document):
    """Everything that was asked of a container; what is not said comes from the image, then from Docker's defaults.

    `command` replaces the image's command, `entrypoint` its entrypoint (an empty tuple is not the same as `None`).
    `env` holds `NAME=value`. `user` is `name|uid[:group|gid]`. `cap_add` and `cap_drop` hold names with or without
    `CAP_`, or `ALL`. `rlimits` maps names such as `nofile` to limits. `stop_signal` is a name or number,
    `stop_timeout_s` how long stop waits before it kills. `open_stdin` gives it an input that can be attached to,
    which with `stdin_once` ends when the first who attached leaves.

    `groups` are names or numbers beside the user's own; `umask` is octal digits. `privileged` takes nearly every guard
    away. `seccomp` is empty for the default profile, `unconfined`, or the text of a profile document. What is in
    `cap_ambient` a user other than root holds from the start. `init` runs the program below one that reaps. `sysctls`
    are settings of the container's own namespaces. `personality` is `linux` or `linux32`. `time_offsets` shift the
    clocks `monotonic` and `boottime`. `runtime` names another OCI runtime of the host that is to run it (runc, crun …),
    with the host's user ids.

    `apparmor` is the name of a profile that the host has loaded, or `unconfined`; empty for the default profile, which
    `privileged` goes without. `selinux_label` is what its program is to SELinux, `user:role:type:level`, where it is
    empty what the host's own programs are.

    `cgroup_parent` is the absolute path of the control group that the container's is made in, empty for the usual one.
    With `writable_cgroups` its programs may divide their own among themselves; the limits of the whole stay.

    `volumes_from` are containers whose binds and volumes it has too, each `<id or name>` with or without `:ro`; where
    it mounts something itself, that is what is there.

    `shm_size_bytes` is the size of `/dev/shm`, `storage_bytes` (≥ 1 MiB) what the writable layer may take.
    `cdi_devices` are names of devices that the host's CDI files describe, `vendor.com/class=name`; `gpus` is `all`, a
    number, or `device=` and names with commas between, of the graphics processors that are described so.
    `device_cgroup_rules` are written as Docker writes them, `c 189:* rwm`. `extra_hosts` hold `name:address`, `dns`
    addresses; what `dns` and its like leave out comes from the host.
    """

    name: str
    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    env: tuple[str, ...] = ()
    cwd: str = ""
    user: str = ""
    hostname: str = ""
    tty: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    # Namespaces: empty for its own, `host`, for some `container:<id or name>`; ipc also `shareable`, or `none`: no
    # /dev/shm either; network also `none`, or the name of a network that it is in before all `networks`.
    network: str = NetworkMode.NONE
    networks: tuple[EndpointSpec, ...] = ()
    ports: tuple[PublishedPort, ...] = ()
    pid: str = ""
    ipc: str = ""
    uts: str = ""
    time: str = ""
    userns: str = ""
    read_only: bool = False
    resources: Resources = field(default_factory=Resources)
    cgroup_parent: str = ""
    cgroup_namespace: str = CgroupNamespace.PRIVATE
    writable_cgroups: bool = False
    rlimits: Mapping[str, Rlimit] = field(default_factory=dict)
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    no_new_privileges: bool = True
    stop_signal: str = ""
    stop_timeout_s: float = 10.0
    labels: Mapping[str, str] = field(default_factory=dict)
    log: LogConfig = field(default_factory=LogConfig)
    # its life: `auto_remove` removes it after its end, `ttl_s` ends and removes it so long after its creation
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    health: HealthCheck = field(default_factory=HealthCheck)
    restart_when_unhealthy: bool = False
    auto_remove: bool = False
    ttl_s: float | None = None
    # The process and its kernel
    groups: tuple[str, ...] = ()
    umask: str = ""
    oom_score_adj: int = 0
    privileged: bool = False
    seccomp: str = ""
    apparmor: str = ""
    selinux_label: str = ""
    cap_ambient: tuple[str, ...] = ()
    init: bool = False
    domainname: str = ""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    scheduler: Scheduler | None = None
    io_priority: IoPriority | None = None
    terminal_size: ConsoleSize | None = None
    personality: str = ""
    time_offsets: Mapping[str, TimeOffset] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    runtime: str = ""
    # What is mounted, which devices there are, and what of the kernel's files is hidden (None: Docker's own lists).
    mounts: tuple[Mount, ...] = ()
    volumes_from: tuple[str, ...] = ()
    shm_size_bytes: int = 64 << 20
    devices: tuple[Device, ...] = ()
    cdi_devices: tuple[str, ...] = ()
    gpus: str = ""
    device_cgroup_rules: tuple[str, ...] = ()
    masked_paths: tuple[str, ...] | None = None
    readonly_paths: tuple[str, ...] | None = None
    storage_bytes: int | None = None
    # What is in /etc/hosts and /etc/resolv.conf.
    extra_hosts: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()

    def validate(self) -> None:
        """Raise InvalidSpec for the first value that no host could run."""
        checks.container_name(self.name)
        checks.not_empty("image", self.image)
        checks.environment(self.env)
        checks.absolute_path("cwd", self.cwd)
        checks.user(self.user)
        checks.hostname(self.hostname)
        self._check_networks()
        checks.namespace("pid", self.pid, ("", "host"), is_joinable=True)
        checks.namespace("ipc", self.ipc, ("", "private", "shareable", "none", "host"), is_joinable=True)
        checks.namespace("uts", self.uts, ("", "host"), is_joinable=True)
        checks.namespace("time", self.time, ("", "host"), is_joinable=True)
        checks.namespace("cgroup_namespace", self.cgroup_namespace, ("private", "host"), is_joinable=True)
        checks.writable_cgroups(self.writable_cgroups, self.cgroup_namespace)
        checks.namespace("userns", self.userns, ("", "host"))
        self.resources.validate()
        checks.cgroup_parent(self.cgroup_parent)
        for name, limit in self.rlimits.items():
            checks.rlimit(name, limit.soft, limit.hard)
        checks.capabilities("cap_add", self.cap_add)
        checks.capabilities("cap_drop", self.cap_drop)
        checks.stop(self.stop_signal, self.stop_timeout_s)
        self.log.validate()
        self.restart.validate()
        self.health.validate()
        check_ttl(self.ttl_s)
        if self.auto_remove and (self.restart.name is not Restart.NO or self.restart_when_unhealthy):
            raise InvalidSpec("auto_remove", "a container that is removed after its end cannot be started again")
        checks.groups(self.groups)
        checks.umask(self.umask)
        between("oom_score_adj", self.oom_score_adj, -1000, 1000)
        seccomp.check(self.seccomp)
        checks.apparmor(self.apparmor)
        checks.selinux_label(self.selinux_label)
        checks.capabilities("cap_ambient", self.cap_ambient)
        checks.domainname(self.domainname)
        process.scheduler("scheduler", self.scheduler)
        process.io_priority("io_priority", self.io_priority)
        process.console_size("terminal_size", self.terminal_size)
        one_of("personality", self.personality, ("", "linux", "linux32"))
        linux.time_offsets("time_offsets", self.time_offsets)
        checks.annotations(self.annotations, reserved=RESERVED)
        checks.runtime(self.runtime)
        check_mounts(self.mounts)
        checks.volumes_from(self.volumes_from)
        between("shm_size_bytes", self.shm_size_bytes, 1, checks.MAXIMUM_BYTES)
        between("storage_bytes", self.storage_bytes, _LEAST_STORAGE_BYTES, checks.MAXIMUM_BYTES)
        check_devices(self.devices, self.device_cgroup_rules)
        cdi.check_names(self.cdi_devices)
        if self.gpus:
            cdi.gpus(self.gpus)
        check_guarded_paths("masked_paths", self.masked_paths)
        check_guarded_paths("readonly_paths", self.readonly_paths)
        name_lookup.check(self.extra_hosts, self.dns, self.dns_search, self.dns_options)

    def attachments(self) -> tuple[EndpointSpec, ...]:
        """Its places in networks: first the one that `network` names, with what `networks` says of it, then others."""
        if self.network in (*NetworkMode, "") or self.network.startswith("container:"):
            return ()
        first = [item for item in self.networks if item.network == self.network] or [EndpointSpec(self.network)]
        return (*first, *(item for item in self.networks if item.network != self.network))

    def _check_networks(self) -> None:
        if not (checks.NAME.fullmatch(self.network) or self.network.startswith("container:")):
            raise InvalidSpec(
                "network",
                f"{self.network[:80]!r} is no network",
                hint="It is none, host, container:<id or name>, or the name of a network.",
            )
        checks.namespace("network", self.network, (self.network,), is_joinable=True)
        if self.networks and not self.attachments():
            raise InvalidSpec("networks", f"cannot be joined as well with network {self.network[:80]!r}")
        for number, item in enumerate(self.networks):
            item.validate(f"networks[{number}]")
            if item.network in [earlier.network for earlier in self.networks[:number]]:
                raise InvalidSpec(f"networks[{number}].network", f"{item.network[:80]!r} is named twice")
        for number, port in enumerate(self.ports):
            port.validate(f"ports[{number}]")
            if port.host_port and port in self.ports[:number]:
                raise InvalidSpec(f"ports[{number}]", f"port {port.host_port} is published twice")
        if self.ports and not self.attachments():
            raise InvalidSpec("ports", f"cannot be published with network {self.network[:80]!r}")


@dataclass(frozen=True)
class ContainerState(codec.Document):
    """What the engine knows of a container now. Times are RFC 3339 in UTC with microseconds, or empty.

    `seq` grows with every change, so of two states the larger is the newer. `run` counts the starts. `exit_code` is
    `None` until the first end, 128+n after a death by signal n, 126/127 when the program could not be started. `error`
    says why a start failed, or that an exit was not seen by anyone. `restart_count` counts the restarts by policy since
    somebody last started it; while it is restarting, `restart_at` is when it is started next. `expires_at` is the end
    of its time to live. `health` is starting, healthy or unhealthy while it runs and has a health check. `warnings`
    tell what of the request this host cannot do and passed over. `mounted_images` are the ids of the images it mounts.
    """

    id: str
    name: str
    image: str
    seq: int
    run: int
    status: Status
    pid: int
    created_at: str
    started_at: str = ""
    finished_at: str = ""
    exit_code: int | None = None
    oom_killed: bool = False
    error: str = ""
    restart_count: int = 0
    restart_at: str = ""
    expires_at: str = ""
    health: str = ""
    warnings: tuple[str, ...] = ()
    mounted_images: tuple[str, ...] = ()
