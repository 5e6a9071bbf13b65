"""What is in a container's `/dev`: the usual nodes and links, and the devices it was given."""

import os
from typing import Any

from engine.errors import Unsupported
from engine.spec import default_devices
from engine.spec.runtime import Device

_TYPES = {"c": 0o020000, "u": 0o020000, "b": 0o060000, "p": 0o010000}  # S_IFCHR, S_IFBLK, S_IFIFO
_USUAL_MODE = 0o666


def steps(devices: tuple[Device, ...]) -> list[list[Any]]:
    """The steps that fill `/dev`; a device of the bundle comes before the usual one of its name."""
    given = {device.path for device in devices}
    found = [_step(device) for device in devices]
    found += [
        ["mknod", f"/dev/{name}", _TYPES["c"] | _USUAL_MODE, os.makedev(*numbers)]
        for name, numbers in default_devices.NODES.items()
        if f"/dev/{name}" not in given
    ]
    links = {f"/dev/{name}": target for name, target in default_devices.LINKS.items()}
    return found + [["symlink", target, path] for path, target in links.items() if path not in given]


def added(devices: tuple[Device, ...]) -> list[list[Any]]:
    """What is to be added to a `/dev` that has the usual nodes already, as `sandbox.add_device` takes it.

    Raises Unsupported for devices elsewhere: a container with a user namespace cannot make them.
    """
    found = []
    for index, device in enumerate(devices):
        where = f"linux.devices[{index}]"
        _, path, *rest = _step(device)
        if not path.startswith("/dev/"):
            raise Unsupported(
                f"{where}: {path} is not in /dev, and elsewhere a container with a user namespace can have no device.",
                hint="Give it a place in /dev, or the container the host's user namespace.",
            )
        found.append([path.removeprefix("/dev/"), *rest])
    return found


def _step(device: Device) -> list[Any]:
    mode = _TYPES[device.type] | (_USUAL_MODE if device.file_mode is None else device.file_mode & 0o7777)
    return ["device", device.path, mode, os.makedev(device.major, device.minor), device.uid, device.gid]
