"""What is in a container's `/dev`: the usual nodes and links, and the devices it was given."""

import os
from typing import Any

from engine.spec import defaults
from engine.spec.runtime import Device

_TYPES = {"c": 0o020000, "u": 0o020000, "b": 0o060000, "p": 0o010000}  # S_IFCHR, S_IFBLK, S_IFIFO
_USUAL_MODE = 0o666
_LINKS = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
    "/dev/core": "/proc/kcore",
    "/dev/ptmx": "pts/ptmx",
}


def steps(devices: tuple[Device, ...]) -> list[list[Any]]:
    """The steps that fill `/dev`; a device of the bundle comes before the usual one of its name."""
    given = {device.path for device in devices}
    found = [_step(device) for device in devices]
    found += [
        ["mknod", f"/dev/{name}", _TYPES["c"] | _USUAL_MODE, os.makedev(*numbers)]
        for name, numbers in defaults.DEVICES.items()
        if f"/dev/{name}" not in given
    ]
    return found + [["symlink", target, path] for path, target in _LINKS.items() if path not in given]


def _step(device: Device) -> list[Any]:
    mode = _TYPES[device.type] | (_USUAL_MODE if device.file_mode is None else device.file_mode & 0o7777)
    return ["device", device.path, mode, os.makedev(device.major, device.minor), device.uid, device.gid]
