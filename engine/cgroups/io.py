"""The io controller, on v1 called blkio: weights, and ceilings per block device.

Sources: cgroup-v1/blkio-controller.rst, cgroup-v2.rst "IO", block/bfq-iosched.rst.
"""

from collections.abc import Iterator

from engine.cgroups.setting import HasFile, Setting
from engine.errors import Unsupported
from engine.spec.runtime import BlockIo, Resources, ThrottleDevice


def v1(resources: Resources, has_file: HasFile) -> list[Setting]:
    """Settings; the weight's file is bfq's, or that of kernels before 5.0."""
    io = resources.block_io or BlockIo()
    prefix = "blkio.bfq" if has_file("blkio.bfq.weight") else "blkio"
    usual, cleared = ("100", "default") if prefix == "blkio.bfq" else ("500", "0")
    settings = []
    if io.weight:
        settings.append(Setting(f"{prefix}.weight", str(io.weight), usual))
    if io.leaf_weight:
        settings.append(Setting("blkio.leaf_weight", str(io.leaf_weight), usual))
    for item in io.weight_device:
        entry = f"{item.major}:{item.minor}"
        if item.weight:
            settings.append(Setting(f"{prefix}.weight_device", f"{entry} {item.weight}", f"{entry} {cleared}", entry))
        if item.leaf_weight:
            settings.append(
                Setting("blkio.leaf_weight_device", f"{entry} {item.leaf_weight}", f"{entry} {cleared}", entry)
            )
    for word, device in _ceilings(io):
        direction, kind = ("read" if word[0] == "r" else "write"), word[1:]
        entry = f"{device.major}:{device.minor}"
        file = f"blkio.throttle.{direction}_{kind}_device"
        settings.append(Setting(file, f"{entry} {device.rate}", f"{entry} 0", entry))
    return settings


def v2(resources: Resources, has_file: HasFile) -> list[Setting]:
    """Settings. Raises Unsupported for leaf weights, which v2 has no place for: its inner groups hold no processes."""
    io = resources.block_io or BlockIo()
    if io.leaf_weight or any(item.leaf_weight for item in io.weight_device):
        raise Unsupported("cgroup v2 has no leaf weights, so blockIO leafWeight cannot be kept.")
    is_bfq = has_file("io.bfq.weight")
    file = "io.bfq.weight" if is_bfq else "io.weight"
    settings = []
    if io.weight:
        settings.append(Setting(file, f"default {_scaled(io.weight, is_bfq)}", "default 100"))
    for item in io.weight_device:
        entry = f"{item.major}:{item.minor}"
        if item.weight:
            settings.append(Setting(file, f"{entry} {_scaled(item.weight, is_bfq)}", f"{entry} default", entry))
    for word, device in _ceilings(io):
        entry = f"{device.major}:{device.minor} {word}"
        settings.append(Setting("io.max", f"{entry}={device.rate or 'max'}", f"{entry}=max", entry))
    return settings


def _ceilings(io: BlockIo) -> Iterator[tuple[str, ThrottleDevice]]:
    """Every ceiling with v2's word for it."""
    yield from (("rbps", item) for item in io.throttle_read_bps_device)
    yield from (("wbps", item) for item in io.throttle_write_bps_device)
    yield from (("riops", item) for item in io.throttle_read_iops_device)
    yield from (("wiops", item) for item in io.throttle_write_iops_device)


def _scaled(weight: int, is_bfq: bool) -> int:
    """A weight from 10 to 1000 as bfq takes it, or on the scale of `io.weight`, 1 to 10000."""
    return weight if is_bfq else 1 + (weight - 10) * 9999 // 990
