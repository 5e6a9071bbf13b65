"""Which of the host's devices a container is given, and which it may open besides (`docker run --device`)."""

import re
from dataclasses import dataclass

from engine.errors import InvalidSpec
from engine.spec.mounts import place_of
from engine.spec.runtime import DeviceRule

_RULE = re.compile(r"([abc]) (?:([0-9]{1,8})|\*):(?:([0-9]{1,8})|\*) ([rwm]{1,3})")


@dataclass(frozen=True)
class Device:
    """A device of the host, or a folder with all devices in it, as `container_path` (empty: the same path).

    `access` is what the container may do with it: r, w, and m for mknod(2).
    """

    host_path: str
    container_path: str = ""
    access: str = "rwm"


def check_devices(devices: tuple[Device, ...], rules: tuple[str, ...]) -> None:
    """Raise InvalidSpec naming the first field that makes no sense; whether a device is there only its host knows."""
    for index, device in enumerate(devices):
        where = f"devices[{index}]"
        for name, path in (("host_path", device.host_path), ("container_path", device.container_path or "/dev/x")):
            if not path.startswith("/") or place_of(path) == "/":
                raise InvalidSpec(f"{where}.{name}", f"{path[:80]!r} is not the absolute path of a device")
        if not device.access or set(device.access) - set("rwm") or len(set(device.access)) < len(device.access):
            raise InvalidSpec(f"{where}.access", f"{device.access[:20]!r} must be of the letters r, w and m")
    for index, text in enumerate(rules):
        device_rule(f"device_cgroup_rules[{index}]", text)


def device_rule(field: str, text: str) -> DeviceRule:
    """The rule that `text`, such as `c 189:* rwm`, stands for. Raises InvalidSpec."""
    match = _RULE.fullmatch(text)
    if match is None:
        raise InvalidSpec(field, f"{text[:80]!r} is not a device rule", hint="Write for example 'c 189:* rwm'.")
    kind, major, minor, access = match.groups()
    return DeviceRule(True, kind, _number(major), _number(minor), access)


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
