"""The Container Device Interface: files in which a host's administrator, or a driver, describes devices by name.

Source: SPEC.md of cncf-tags/container-device-interface, versions 0.3 to 1.0.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import InvalidSpec
from engine.spec import codec
from engine.spec.mounts import place_of
from engine.spec.values import one_of

_WORD = r"[A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_KIND = re.compile(rf"{_WORD}/{_WORD}")
_DEVICE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.:-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"v?(0\.[3-8]|1\.0)\.[0-9]+")
_HOOKS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
_LONGEST_NAME = 512


@dataclass(frozen=True)
class DeviceNode:
    """A device at `path` inside; what is not said of it is as it is at `host_path` (empty: the same path)."""

    path: str
    host_path: str = ""
    type: str = ""
    major: int | None = None
    minor: int | None = None
    file_mode: int | None = None
    permissions: str = "rwm"
    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True)
class CdiMount:
    """What of the host is mounted; `type` and `options` are as in a bundle."""

    host_path: str
    container_path: str
    type: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class CdiHook:
    """A program that is run when the container is at the point `hook_name`, as a bundle calls these."""

    hook_name: str
    path: str
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    timeout: int | None = None


@dataclass(frozen=True)
class ContainerEdits:
    """What a container's bundle gets for a device."""

    env: tuple[str, ...] = ()
    device_nodes: tuple[DeviceNode, ...] = ()
    mounts: tuple[CdiMount, ...] = ()
    hooks: tuple[CdiHook, ...] = ()
    additional_gids: tuple[int, ...] = ()
    intel_rdt: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class CdiDevice:
    """A device by its name among those of its kind."""

    name: str
    container_edits: ContainerEdits = field(default_factory=ContainerEdits)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CdiFile:
    """One file: devices of one `kind` (`vendor/class`), and edits that any of them brings along."""

    cdi_version: str
    kind: str
    devices: tuple[CdiDevice, ...]
    container_edits: ContainerEdits = field(default_factory=ContainerEdits)
    annotations: Mapping[str, str] = field(default_factory=dict)


def parse(document: object) -> CdiFile:
    """The file that holds this document. Raises InvalidSpec naming the first field that makes no sense."""
    found = codec.from_json(CdiFile, document, oci=True, is_strict=True)
    if not _VERSION.fullmatch(found.cdi_version):
        raise InvalidSpec("cdiVersion", f"{found.cdi_version[:80]!r} is not one of 0.3 to 1.0")
    if not _KIND.fullmatch(found.kind):
        raise InvalidSpec("kind", f"{found.kind[:80]!r} is not a vendor and a class with a slash between them")
    if not found.devices:
        raise InvalidSpec("devices", "must name one at least")
    names = set()
    for index, device in enumerate(found.devices):
        where = f"devices[{index}]"
        if not _DEVICE.fullmatch(device.name) or device.name in names:
            raise InvalidSpec(f"{where}.name", f"{device.name[:80]!r} is not a device's name, or is there twice")
        names.add(device.name)
        _check_edits(f"{where}.containerEdits", device.container_edits)
    _check_edits("containerEdits", found.container_edits)
    return found


def _check_edits(where: str, edits: ContainerEdits) -> None:
    for index, entry in enumerate(edits.env):
        if not entry.partition("=")[0] or "=" not in entry:
            raise InvalidSpec(f"{where}.env[{index}]", f"{entry[:80]!r} is not NAME=value")
    for index, node in enumerate(edits.device_nodes):
        at = f"{where}.deviceNodes[{index}]"
        _check_path(f"{at}.path", node.path)
        _check_path(f"{at}.hostPath", node.host_path or node.path)
        one_of(f"{at}.type", node.type, ("", "b", "c", "u", "p"))
        if set(node.permissions) - set("rwm"):
            raise InvalidSpec(f"{at}.permissions", f"{node.permissions[:20]!r} must be of the letters r, w and m")
    for index, item in enumerate(edits.mounts):
        _check_path(f"{where}.mounts[{index}].containerPath", item.container_path)
        if not item.host_path:
            raise InvalidSpec(f"{where}.mounts[{index}].hostPath", "is required")
    for index, hook in enumerate(edits.hooks):
        one_of(f"{where}.hooks[{index}].hookName", hook.hook_name, _HOOKS)
        _check_path(f"{where}.hooks[{index}].path", hook.path)


def _check_path(field: str, path: str) -> None:
    if not path.startswith("/") or place_of(path) == "/":
        raise InvalidSpec(field, f"{path[:80]!r} must be an absolute path other than /")


def check_names(names: tuple[str, ...]) -> None:
    """Each `vendor/class=name`, once. Raises InvalidSpec; whether there is such a device only its host knows."""
    for index, text in enumerate(names):
        kind, _, name = text.partition("=")
        if len(text) > _LONGEST_NAME or not _KIND.fullmatch(kind) or not _DEVICE.fullmatch(name):
            raise InvalidSpec(
                f"cdi_devices[{index}]", f"{text[:80]!r} is not a device's name", hint="Such as vendor.com/class=name."
            )
        if text in names[:index]:
            raise InvalidSpec(f"cdi_devices[{index}]", f"{text[:80]} is there twice")


def gpus(text: str) -> tuple[int, tuple[str, ...]]:
    """How many are meant by `all` (-1), a number, or `device=0,1`, and the names in the last case. Raises InvalidSpec.

    These are the forms of `docker run --gpus`.
    """
    if text == "all":
        return -1, ()
    if text.isascii() and text.isdigit() and int(text[:4]) > 0 and len(text) <= len("9999"):
        return int(text), ()
    names = tuple(text.removeprefix("device=").split(",")) if text.startswith("device=") else ()
    if not names or not all(_DEVICE.fullmatch(name) for name in names) or len(set(names)) < len(names):
        raise InvalidSpec("gpus", f"{text[:80]!r} is not `all`, a number, or `device=` and names with commas between")
    return len(names), names
