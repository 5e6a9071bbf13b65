"""Turns limits into writes of control files on this host, and changes them as one: all of them, or none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os.path import basename, dirname, exists, split

from engine.cgroups import control_files, cpu, cpuset, hugetlb, io, memory, network, pids, rdma, unified
from engine.cgroups.places import Places
from engine.cgroups.setting import HasFile, Setting
from engine.errors import EngineError, KernelError, Unsupported
from engine.spec.runtime import Resources

Rules = Callable[[Resources, HasFile], list[Setting]]


@dataclass(frozen=True)
class _Controller:
    """What keeps one kind of limit: the controller's name and rules on either version."""

    limit: str
    v1_name: str
    v1: Rules
    v2_name: str = ""
    v2: Rules | None = None


_CONTROLLERS = (
    _Controller("memory", "memory", memory.v1, "memory", memory.v2),
    _Controller("cpu", "cpu", cpu.v1, "cpu", cpu.v2),
    _Controller("cpuset", "cpuset", cpuset.v1, "cpuset", cpuset.v2),
    _Controller("pids", "pids", pids.v1, "pids", pids.v2),
    _Controller("block io", "blkio", io.v1, "io", io.v2),
    _Controller("huge page", "hugetlb", hugetlb.v1, "hugetlb", hugetlb.v2),
    _Controller("rdma", "rdma", rdma.v1, "rdma", rdma.v2),
    _Controller("network class", "net_cls", network.classes),
    _Controller("network priority", "net_prio", network.priorities),
)

Key = tuple[str, str]
"""The path of a control file, and which entry of it."""
Placed = dict[Key, Setting]
"""Settings in the order in which a fresh group takes them."""
_EBUSY, _EINVAL, _EOPNOTSUPP = 16, 22, 95


def place(at: Places, resources: Resources) -> Placed:
    """Where each limit of the group is written. Raises Unsupported for one whose controller this host lacks."""
    placed: Placed = {}
    for controller in _CONTROLLERS:
        folder, rules = _find(at, controller)
        settings = rules(resources, _has_file(folder))
        if settings and not folder:
            raise _missing(controller)
        for setting in settings:
            placed[f"{folder}/{setting.file}", setting.entry] = setting
    if resources.unified:
        v2 = next((hierarchy for hierarchy in at.hierarchies if hierarchy.version == 2), None)
        if v2 is None:
            raise Unsupported("This host has no cgroup v2, so `unified` cannot be set.")
        for setting in unified.v2(resources, v2.controllers):
            placed[f"{at.v2}/{setting.file}", setting.entry] = setting
    return placed


def _has_file(folder: str) -> HasFile:
    return lambda name: exists(f"{folder}/{name}")


def _find(at: Places, controller: _Controller) -> tuple[str, Rules]:
    """The folder where the controller's limits go, empty where the host does not have it, and its rules."""
    for hierarchy in at.hierarchies:
        if hierarchy.version == 1 and controller.v1_name in hierarchy.controllers:
            return at.folder(hierarchy), controller.v1
        if hierarchy.version == 2 and controller.v2 is not None and controller.v2_name in hierarchy.controllers:
            return at.folder(hierarchy), controller.v2
    return "", controller.v1


def _missing(controller: _Controller) -> Unsupported:
    name = " or ".join(dict.fromkeys(filter(None, (controller.v1_name, controller.v2_name))))
    return Unsupported(
        f"This host has no cgroup controller {name}, so a {controller.limit} limit cannot be kept.",
        hint="Enable the controller in the kernel, or do without that limit.",
    )


def apply(placed: Placed) -> None:
    """Set the limits of a fresh group. Raises Unsupported for a file that is not there, KernelError for a refusal."""
    for (path, _), setting in placed.items():
        _write(path, setting.value)


def _write(path: str, value: str) -> None:
    """The same, with what the errors mean that a host gives for a limit in particular."""
    try:
        control_files.write(path, value)
    except KernelError as error:
        if error.errno == _EOPNOTSUPP:
            what = f"This host cannot keep {value!r} in {basename(path)}."
            raise Unsupported(what, hint="For a device's weight: have the disk use the scheduler bfq.") from None
        if error.errno == _EBUSY and "memory" in basename(path):
            error.hint = "It holds more than that and cannot give it up."
        raise


def change(before: Placed, after: Placed) -> None:
    """Take a group from one set of limits to another; what is in neither is left alone.

    When one write is refused, those before it are undone and its error is raised.
    """
    touched: list[Key] = []
    try:
        _change(before, after, touched)
    except EngineError as error:
        try:
            _change(_only(after, touched), _only(before, touched), [], is_forced=True)
        except EngineError as second:
            error.hint = f"The limits from before could not all be restored: {second.message}"
        raise


def _only(placed: Placed, keys: Sequence[Key]) -> Placed:
    return {key: setting for key, setting in placed.items() if key in keys}


def _change(before: Placed, after: Placed, touched: list[Key], *, is_forced: bool = False) -> None:
    new = {key: item.value for key, item in after.items() if is_forced or before.get(key) != item}
    gone = {key: _cleared(key[0], item) for key, item in before.items() if key not in after}
    _write_all(new | gone, touched)


def _write_all(values: dict[Key, str], touched: list[Key]) -> None:
    """Write them in an order that the kernel takes: what it finds invalid now, it may take after the others.

    Memory may not pass memory with swap, a burst not its quota, a quota in its period not the group's above.
    """
    while values:
        invalid: dict[Key, str] = {}
        for key, value in values.items():
            try:
                _write(key[0], value)
            except KernelError as error:
                if error.errno != _EINVAL or len(invalid) + 1 == len(values):
                    raise
                invalid[key] = value
            else:
                touched.append(key)
        values = invalid


def _cleared(path: str, setting: Setting) -> str:
    if setting.cleared is not None:
        return setting.cleared
    folder, name = split(path)
    above = f"{dirname(folder)}/{name}"
    return control_files.read(above).strip() or control_files.read(f"{above}.effective").strip()
