"""What a privileged container has beyond others: every device, a /sys to write to, nothing masked."""

import os
import stat
from dataclasses import replace

from engine.spec import default_devices
from engine.spec.runtime import Device, DeviceRule, Linux, Mount

EVERY_DEVICE = (DeviceRule(allow=True),)
_OWN = ("/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/console", "/dev/fd")  # noqa: S108 - a container has these itself


def mounts(listed: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """The same, with the kernel's own file systems writable."""
    return writable(listed, "sysfs", "cgroup")


def writable(listed: tuple[Mount, ...], *types: str) -> tuple[Mount, ...]:
    """The same, with those of these types writable."""
    return tuple(
        replace(item, options=tuple(option for option in item.options if option != "ro"))
        if item.type in types
        else item
        for item in listed
    )


def linux(made: Linux) -> Linux:
    """The same, unmasked and with all of the host's devices as they are now."""
    given = {device.path for device in made.devices}
    devices = tuple(device for device in _devices() if device.path not in given)
    return replace(
        made,
        devices=(*made.devices, *devices),
        resources=replace(made.resources, devices=EVERY_DEVICE),
        masked_paths=(),
        readonly_paths=(),
    )


def _devices() -> list[Device]:
    found: list[Device] = []
    for folder, subfolders, files in os.walk("/dev"):
        subfolders[:] = [name for name in subfolders if f"{folder}/{name}" not in _OWN]
        for name in files:
            path = f"{folder}/{name}"
            if path not in _OWN and path[5:] not in default_devices.NODES:
                found += _device(path)
    return sorted(found, key=lambda device: device.path)


def _device(path: str) -> list[Device]:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return []  # unplugged at this moment
    kind = {stat.S_IFCHR: "c", stat.S_IFBLK: "b"}.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return []
    major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
    return [Device(path, kind, major, minor, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)]
