"""What a container's bundle says of devices: which nodes of the host it has in its `/dev`, and which it may open."""

import os
import stat

from engine.errors import InvalidSpec
from engine.spec import runtime
from engine.spec.container import ContainerSpec
from engine.spec.devices import Device, device_rule
from engine.spec.mounts import place_of

_TYPES = {stat.S_IFCHR: "c", stat.S_IFBLK: "b"}
_NO_DEVICES = frozenset({"pts", "shm", "fd", "mqueue", "console", ".lxc", ".lxd-mounts", ".udev"})


def devices(spec: ContainerSpec) -> tuple[tuple[runtime.Device, ...], tuple[runtime.DeviceRule, ...]]:
    """Nodes to make, and rules beside the usual ones. Raises InvalidSpec for a device this host does not have."""
    nodes: dict[str, runtime.Device] = {}
    rules: list[runtime.DeviceRule] = []
    for index, device in enumerate(spec.devices):
        found = _found(f"devices[{index}].host_path", device)
        nodes |= {node.path: node for node in found}
        rules += [runtime.DeviceRule(True, node.type, node.major, node.minor, device.access) for node in found]
    texts = enumerate(spec.device_cgroup_rules)
    rules += [device_rule(f"device_cgroup_rules[{index}]", text) for index, text in texts]
    return tuple(nodes.values()), tuple(rules)


def _found(field: str, device: Device) -> list[runtime.Device]:
    inside = place_of(device.container_path or device.host_path)
    if not os.path.isdir(device.host_path):
        node = _node(device.host_path, inside)
        if node is None:
            raise InvalidSpec(field, f"{device.host_path[:80]} is not a device of this host")
        return [node]
    found = [_node(path, path.replace(device.host_path.rstrip("/"), inside, 1)) for path in _within(device.host_path)]
    nodes = [node for node in found if node is not None]
    if not nodes:
        raise InvalidSpec(field, f"{device.host_path[:80]} is a folder without devices")
    return nodes


def _within(folder: str) -> list[str]:
    """Everything in the folder but what each container has of its own; links are not followed."""
    found = []
    for at, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if name not in _NO_DEVICES)
        found += [os.path.join(at, name) for name in sorted(files) if name not in _NO_DEVICES]
    return found


def _node(path: str, inside: str) -> runtime.Device | None:
    try:
        info = os.stat(path)
    except FileNotFoundError:
        return None
    kind = _TYPES.get(stat.S_IFMT(info.st_mode))
    if kind is None:
        return None
    major, minor = os.major(info.st_rdev), os.minor(info.st_rdev)
    return runtime.Device(inside, kind, major, minor, stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid)
