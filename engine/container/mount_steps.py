"""Compiles a bundle's mounts, devices and hidden paths into sources opened outside and steps carried out inside."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.cgroups import Hierarchy
from engine.container import device_steps, image_mounts, namespaces
from engine.container.namespaces import CONTAINER
from engine.errors import InvalidSpec
from engine.launcher.steps import DEVICES
from engine.spec import defaults, mount_options
from engine.spec.mount_options import MountOptions
from engine.spec.mounts import check_target, place_of
from engine.spec.runtime import IdMapping, Mount, Spec
from engine.sys import mount

Step = list[Any]
Source = list[Any]

_USUAL_DEV = next(item for item in defaults.MOUNTS if item.destination == "/dev")
_USUAL = frozenset(item.destination for item in defaults.MOUNTS)
_NO_FURTHER = mount.MS_NOSUID | mount.MS_NODEV | mount.MS_NOEXEC


@dataclass
class MountPlan:
    """`sources`, `steps`, `devices` as `engine/launcher/messages.py` has them; `kinds` are mounted types by place.

    `bundle` is the folder relative sources are found from, `volumes` the one that holds all volumes. `bound_groups` is
    the path of the container's groups where it cannot mount them itself. `mappings` are of its own user namespace.
    `last` is done when everything is mounted.
    """

    bundle: Path
    volumes: Path | None
    hierarchies: list[Hierarchy]
    sources: list[Source] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    devices: list[list[Any]] = field(default_factory=list)
    bound_groups: str = ""
    last: list[Step] = field(default_factory=list)
    mappings: tuple[tuple[IdMapping, ...], tuple[IdMapping, ...]] = ((), ())

    @property
    def has_v1(self) -> bool:
        """Whether any of the host's control groups are of the older kind."""
        return any(hierarchy.version == 1 for hierarchy in self.hierarchies)

    def add_source(self, source: Source) -> int:
        """Its place in the list."""
        self.sources.append(source)
        return len(self.sources) - 1


def prepare(spec: Spec, hierarchies: list[Hierarchy], bundle: Path, volumes: Path | None = None) -> MountPlan:
    """Everything mounted and made in the new root, in the bundle's order. Raises InvalidSpec naming the mount."""
    plan = MountPlan(bundle, volumes, hierarchies)
    plan.mappings = (spec.linux.uid_mappings, spec.linux.gid_mappings)
    if _binds_groups(spec, plan):
        plan.bound_groups = spec.linux.cgroups_path
    for index, item in enumerate(spec.mounts):
        where = f"mounts[{index}]"
        at = place_of(item.destination)  # relative ones are old, and meant this
        check_target(f"{where}.destination", at)
        options = mount_options.parse(item.options, f"{where}.options")
        is_bind = options.is_bind or item.type == "bind"
        if at == "/dev" and item.type == "tmpfs" and namespaces.owns_ids(spec.linux):
            plan.steps.append([DEVICES])
            plan.devices = device_steps.added(spec.linux.devices)
        elif is_bind:
            _bind(plan, item, at, options, where)
        else:
            _SPECIAL.get(item.type, _file_system)(plan, item, at, options)
        plan.kinds[at] = "bind" if is_bind else item.type
        if at == "/dev" and not is_bind and plan.steps[-1] != [DEVICES]:
            plan.steps += device_steps.steps(spec.linux.devices)
    if "/dev" not in plan.kinds:
        plan.steps += device_steps.steps(spec.linux.devices)
    plan.steps += plan.last
    return plan


def hide(plan: MountPlan, spec: Spec) -> None:
    """Add the steps that mask paths and make others read-only."""
    for path in spec.linux.masked_paths:
        if _is_the_kernels(plan, path) and plan.kinds.get("/dev") == "tmpfs":
            plan.steps.append(["mask", path])
        else:  # its folder, or /dev/null, may be anybody's: take both by descriptor
            plan.steps.append(["mask_found", plan.add_source(["/dev/null", "", False, []]), path])
    for path in spec.linux.readonly_paths:
        step = "read_only" if _is_the_kernels(plan, path) else "read_only_found"
        plan.steps.append([step, path, _NO_FURTHER])


def _is_the_kernels(plan: MountPlan, path: str) -> bool:
    """Whether the path lies in a proc or sysfs of the container's own, where nobody plants links."""
    top = "/" + path.lstrip("/").partition("/")[0]
    return plan.kinds.get(top) in ("proc", "sysfs")


def _bind(plan: MountPlan, item: Mount, at: str, options: MountOptions, where: str) -> None:
    if options.superblock or options.data:
        wrong = (*options.superblock, *options.data)[0]
        raise InvalidSpec(f"{where}.options", f"{wrong} is not an option of a bind mount")
    if not item.source:
        raise InvalidSpec(f"{where}.source", "a bind mount needs one")
    if item.source.startswith(CONTAINER):  # what another container has there
        partner = f"{CONTAINER}{plan.bundle.parent}/{item.source.removeprefix(CONTAINER)}"
        plan.steps.append(["attach", plan.add_source([partner, at, False, []]), at])
        return
    changes = [[c.attr_set, c.attr_clr, c.propagation, c.is_recursive] for c in options.changes]
    maps = _maps(plan, item, options, where)
    source = plan.add_source([*_split(plan, item.source), options.is_recursive, changes, *maps])
    plan.steps.append(["attach", source, at])


def _maps(plan: MountPlan, item: Mount, options: MountOptions, where: str) -> list[Any]:
    """How ids of an idmapped mount are shifted: by its own mappings, else by those of the container."""
    if not (item.uid_mappings or options.is_shifted):
        return []
    found = (item.uid_mappings, item.gid_mappings) if item.uid_mappings else plan.mappings
    if not all(found):
        raise InvalidSpec(f"{where}.uidMappings", "is required where the container has no mappings itself")
    texts = ["".join(f"{one.container_id} {one.host_id} {one.size}\n" for one in mappings) for mappings in found]
    return [*texts, options.shifts_within]


def _split(plan: MountPlan, source: str) -> tuple[str, str]:
    """The folder whose owner decides what is in it, and the path within that must not lead out of it.

    What a volume holds was written by containers; any other path is the administrator's own.
    """
    path = plan.bundle / source
    if plan.volumes is None or not path.is_relative_to(plan.volumes):
        return str(path), ""
    inside = path.relative_to(plan.volumes).parts  # name, _data, and what comes after
    return str(plan.volumes.joinpath(*inside[:2])), "/".join(inside[2:])


def _file_system(plan: MountPlan, item: Mount, at: str, options: MountOptions) -> None:
    data = ",".join(options.data)
    if at in _USUAL and not options.copies_up and not options.propagation:
        plan.steps += [["mkdir", at, 0o755], ["mount", item.source, at, item.type, options.flags, data]]
        return
    step = "mount_copying_up" if options.copies_up and item.type == "tmpfs" else "mount_on"
    plan.steps.append([step, item.source, at, item.type, options.flags, data, options.propagation])


def _binds_groups(spec: Spec, plan: MountPlan) -> bool:
    """Whether the groups are bound rather than mounted: a mount shows what is below the mounter's cgroup namespace.

    A process with ids of its own may mount them only where that namespace is its own. With the host's it would see the
    host's groups; in a bundle for v1 that asks for no namespace it is to see its own where it looks for them all the
    same, as engines that know nothing of such namespaces expect.
    """
    if namespaces.owns_ids(spec.linux):
        return not namespaces.entered_late(spec.linux)
    is_foreign = plan.volumes is None  # its groups are there before anything is mounted
    return is_foreign and plan.has_v1 and all(item.type != "cgroup" for item in spec.linux.namespaces)


def _cgroup(plan: MountPlan, item: Mount, at: str, options: MountOptions) -> None:
    """What a container sees of its own groups: the v2 tree, or one v1 tree per mount of the host."""
    flags, steps = options.flags, plan.steps
    if not plan.has_v1:
        if plan.bound_groups:
            steps.append(["attach", _group_source(plan, plan.hierarchies[0], options), at])
        else:
            steps.append(["mount", "cgroup", at, "cgroup2", flags, ""])
        return
    steps.append(["mount", "tmpfs", at, "tmpfs", flags & ~mount.MS_RDONLY, "mode=755,size=0k"])
    for hierarchy in plan.hierarchies:
        if hierarchy.version == 1:
            inside = f"{at}/{','.join(hierarchy.controllers)}"
            steps += [["mkdir", inside, 0o755]]
            if plan.bound_groups:
                steps.append(["attach", _group_source(plan, hierarchy, options), inside])
            else:
                steps.append(["mount", "cgroup", inside, "cgroup", flags, ",".join(hierarchy.controllers)])
    plan.last.append(["mount", "", at, "", mount.MS_REMOUNT | mount.MS_BIND | flags, ""])


def _group_source(plan: MountPlan, hierarchy: Hierarchy, options: MountOptions) -> int:
    changes = [[c.attr_set, c.attr_clr, c.propagation, c.is_recursive] for c in options.changes]
    return plan.add_source([f"{hierarchy.root}{plan.bound_groups}", "", False, changes])


def _overlay(plan: MountPlan, item: Mount, at: str, options: MountOptions) -> None:
    """An image's layers, put together outside: in there nobody could see them. A foreign bundle's is its own affair."""
    if plan.volumes is None:
        _file_system(plan, item, at, options)
        return
    layers = image_mounts.layers_of(options.data)
    changes = [[c.attr_set, c.attr_clr, c.propagation, c.is_recursive] for c in options.changes]
    lower = layers if len(layers) > 1 else layers[0]
    plan.steps.append(["attach", plan.add_source([lower, item.source.lstrip("/"), False, changes]), at])


_SPECIAL: dict[str, Callable[[MountPlan, Mount, str, MountOptions], None]] = {"cgroup": _cgroup, "overlay": _overlay}
