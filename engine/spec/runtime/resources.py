"""What a container may use of its host (config-linux.md, "Control groups"). What is `None` is left as it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.spec import codec


@dataclass(frozen=True)
class DeviceRule:
    """`linux.resources.devices[]`: `type` a/b/c; `None` numbers match all; `access` of r, w, m."""

    allow: bool
    type: str = "a"
    major: int | None = None
    minor: int | None = None
    access: str = "rwm"


@dataclass(frozen=True)
class Memory:
    """`linux.resources.memory`, bytes, -1 is no limit; `swap` is memory and swap together; `swappiness` 0 to 100."""

    limit: int | None = None
    swap: int | None = None
    reservation: int | None = None
    kernel: int | None = None
    kernel_tcp: int | None = field(default=None, metadata=codec.key("kernelTCP"))
    swappiness: int | None = None
    disable_oom_killer: bool | None = field(default=None, metadata=codec.key("disableOOMKiller"))
    use_hierarchy: bool | None = None
    check_before_update: bool | None = None


@dataclass(frozen=True)
class Cpu:
    """`linux.resources.cpu`: `quota` microseconds of running in each `period` microseconds, `burst` on top of it.

    `cpus` and `mems` are lists such as `0-3,7`; `idle` 1 runs the group only when nothing else wants to.
    """

    shares: int | None = None
    quota: int | None = None
    period: int | None = None
    burst: int | None = None
    realtime_runtime: int | None = None
    realtime_period: int | None = None
    cpus: str | None = None
    mems: str | None = None
    idle: int | None = None


@dataclass(frozen=True)
class Pids:
    """`linux.resources.pids`: the most processes and threads; none or below is no limit."""

    limit: int


@dataclass(frozen=True)
class WeightDevice:
    """`linux.resources.blockIO.weightDevice[]`: weights from 10 to 1000 of one block device."""

    major: int
    minor: int
    weight: int | None = None
    leaf_weight: int | None = None


@dataclass(frozen=True)
class ThrottleDevice:
    """`linux.resources.blockIO.throttle…[]`: bytes or operations a second of one block device; 0 is no limit."""

    major: int
    minor: int
    rate: int


@dataclass(frozen=True)
class BlockIo:
    """`linux.resources.blockIO`: weights from 10 to 1000."""

    weight: int | None = None
    leaf_weight: int | None = None
    weight_device: tuple[WeightDevice, ...] = ()
    throttle_read_bps_device: tuple[ThrottleDevice, ...] = ()
    throttle_write_bps_device: tuple[ThrottleDevice, ...] = ()
    throttle_read_iops_device: tuple[ThrottleDevice, ...] = field(
        default=(), metadata=codec.key("throttleReadIOPSDevice")
    )
    throttle_write_iops_device: tuple[ThrottleDevice, ...] = field(
        default=(), metadata=codec.key("throttleWriteIOPSDevice")
    )


@dataclass(frozen=True)
class HugepageLimit:
    """`linux.resources.hugepageLimits[]`: `page_size` as `2MB`, `limit` in bytes."""

    page_size: str
    limit: int


@dataclass(frozen=True)
class InterfacePriority:
    """`linux.resources.network.priorities[]`: a network interface and the priority of what leaves by it."""

    name: str
    priority: int


@dataclass(frozen=True)
class Network:
    """`linux.resources.network`: the class that packets are tagged with, and priorities."""

    class_id: int | None = field(default=None, metadata=codec.key("classID"))
    priorities: tuple[InterfacePriority, ...] = ()


@dataclass(frozen=True)
class Rdma:
    """`linux.resources.rdma{}`: the most handles and objects of one device."""

    hca_handles: int | None = None
    hca_objects: int | None = None


@dataclass(frozen=True)
class Resources:
    """`linux.resources`; `unified` maps files of cgroup v2 to what is written to them."""

    devices: tuple[DeviceRule, ...] = ()
    memory: Memory | None = None
    cpu: Cpu | None = None
    pids: Pids | None = None
    block_io: BlockIo | None = field(default=None, metadata=codec.key("blockIO"))
    hugepage_limits: tuple[HugepageLimit, ...] = ()
    network: Network | None = None
    rdma: Mapping[str, Rdma] = field(default_factory=dict)
    unified: Mapping[str, str] = field(default_factory=dict)
