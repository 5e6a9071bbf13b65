"""Turns limits into writes of control files on this host, and changes them as one: all of them, or none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os.path import dirname, exists, split

from engine.cgroups import control_files, cpu, cpuset, hugetlb, io, memory, network, pids, rdma, unified
from engine.cgroups.hierarchies import Hierarchy
from engine.cgroups.setting import HasFile, Setting
from engine.errors import EngineError, Unsupported
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

Placed = dict[tuple[str, str], Setting]
"""Settings by the path of their file and the entry in it, in the order they are to be made."""


def place(hierarchies: Sequence[Hierarchy], folder_of: Callable[[Hierarchy], str], resources: Resources) -> Placed:
    """Where each limit is written. Raises Unsupported for one whose controller this host lacks."""
    placed: Placed = {}
    for controller in _CONTROLLERS:
        hierarchy, rules = _find(hierarchies, controller)
        if hierarchy is None:
            if controller.v1(resources, lambda _: True):
                raise _missing(controller)
            continue
        folder = folder_of(hierarchy)
        for setting in rules(resources, lambda name, folder=folder: exists(f"{folder}/{name}")):  # type: ignore[misc] # mypy: default of a lambda
            placed[f"{folder}/{setting.file}", setting.entry] = setting
    if resources.unified:
        v2 = next((hierarchy for hierarchy in hierarchies if hierarchy.version == 2), None)
        if v2 is None:
            raise Unsupported("This host has no cgroup v2, so `unified` cannot be set.")
        for setting in unified.v2(resources, v2.controllers):
            placed[f"{folder_of(v2)}/{setting.file}", setting.entry] = setting
    return placed


def _find(hierarchies: Sequence[Hierarchy], controller: _Controller) -> tuple[Hierarchy | None, Rules]:
    for hierarchy in hierarchies:
        if hierarchy.version == 1 and controller.v1_name in hierarchy.controllers:
            return hierarchy, controller.v1
        if hierarchy.version == 2 and controller.v2 is not None and controller.v2_name in hierarchy.controllers:
            return hierarchy, controller.v2
    return None, controller.v1


def _missing(controller: _Controller) -> Unsupported:
    name = " or ".join(dict.fromkeys(filter(None, (controller.v1_name, controller.v2_name))))
    return Unsupported(
        f"This host has no cgroup controller {name}, so a {controller.limit} limit cannot be kept.",
        hint="Enable the controller in the kernel, or do without that limit.",
    )


def apply(placed: Placed) -> None:
    """Set the limits of a fresh group. Raises Unsupported for a file that is not there, KernelError for a refusal."""
    for (path, _), setting in placed.items():
        control_files.write(path, setting.value)


def change(before: Placed, after: Placed) -> None:
    """Take a group from one set of limits to another; what is in neither is left alone.

    When one write is refused, those before it are undone and its error is raised.
    """
    touched: list[tuple[str, str]] = []
    try:
        _change(before, after, touched)
    except EngineError as error:
        try:
            _change(_only(after, touched), _only(before, touched), [], is_forced=True)
        except EngineError as second:
            error.hint = f"The limits from before could not all be restored: {second.message}"
        raise


def _only(placed: Placed, keys: Sequence[tuple[str, str]]) -> Placed:
    return {key: setting for key, setting in placed.items() if key in keys}


def _change(before: Placed, after: Placed, touched: list[tuple[str, str]], *, is_forced: bool = False) -> None:
    differing = {key for key in {**before, **after} if is_forced or before.get(key) != after.get(key)}
    controllers = {_controller_of(path) for path, _ in differing}
    lifted = {key for key, setting in before.items() if setting.lift_first and _controller_of(key[0]) in controllers}
    for key in lifted:
        _clear(key, before[key])
        touched.append(key)
    for key, setting in after.items():
        if key in differing or key in lifted:
            control_files.write(key[0], setting.value)
            touched.append(key)
    for key, setting in before.items():
        if key not in after and key not in lifted:
            _clear(key, setting)
            touched.append(key)


def _controller_of(path: str) -> str:
    """The path of a control file as far as its controller's name."""
    return path[: path.index(".", path.rindex("/"))]


def _clear(key: tuple[str, str], setting: Setting) -> None:
    path, _ = key
    value = setting.cleared
    if value is None:
        folder, name = split(path)
        above = f"{dirname(folder)}/{name}"
        value = control_files.read(above).strip() or control_files.read(f"{above}.effective").strip()
    control_files.write(path, value)
