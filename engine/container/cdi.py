"""Gives a container the CDI devices it asked for: their edits are made to its bundle, anew at every start.

What a file says, and a device's number, may be another after a reboot or a driver's update, so nothing is kept but the
bundle without the edits (`plain.json`).
"""

import json
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path

from engine.container import cdi_files, state
from engine.container.cdi_files import Catalog, Described
from engine.errors import InvalidSpec, Unsupported
from engine.spec import codec, defaults
from engine.spec import runtime as oci
from engine.spec.cdi import CdiHook, CdiMount, ContainerEdits, DeviceNode, gpus
from engine.spec.container import ContainerSpec
from engine.spec.runtime.checks import hooks

PLAIN = "plain.json"
_GPUS = ("nvidia.com/gpu", "amd.com/gpu")
_USUAL = frozenset(item.destination for item in defaults.MOUNTS)
_TYPES = {stat.S_IFCHR: "c", stat.S_IFBLK: "b", stat.S_IFIFO: "p"}


def is_asked(spec: ContainerSpec) -> bool:
    """Whether it wants any such device."""
    return bool(spec.cdi_devices or spec.gpus)


def apply(plain: oci.Spec, spec: ContainerSpec) -> oci.Spec:
    """The bundle with the edits of all devices the container asked for.

    Raises InvalidSpec for a device that no file, or more than one, describes; Unsupported for an edit that cannot be
    made.
    """
    catalog = cdi_files.read()
    found = [catalog.find(name, f"cdi_devices[{index}]") for index, name in enumerate(spec.cdi_devices)]
    found += [catalog.find(name, "gpus") for name in _gpus(spec.gpus, catalog)]
    for edits, path in _edits(found):
        plain = _edit(plain, edits, path)
    hooks.check(plain.hooks or oci.Hooks())
    return plain


def refresh(folder: Path) -> None:
    """Make the edits anew, for a container that is about to start and whose lock the caller holds. Raises as `apply`.

    Limits that were changed since it was created stay.
    """
    spec = ContainerSpec.from_json(json.loads((folder / "spec.json").read_bytes()))
    current = oci.Spec.from_json(json.loads((folder / "config.json").read_bytes()))
    plain = oci.Spec.from_json(json.loads((folder / PLAIN).read_bytes()))
    resources = current.linux.resources
    own = resources.devices[: len(resources.devices) - len(rules(current))]
    plain = replace(plain, linux=replace(plain.linux, resources=replace(resources, devices=own)))
    edited = apply(plain, spec)
    if edited != current:
        state.write_file(folder / "config.json", json.dumps(edited.to_json()).encode(), durable=True)


def rules(bundle: oci.Spec) -> tuple[oci.DeviceRule, ...]:
    """The last of its device rules, which came with such devices."""
    count = int(bundle.annotations.get(defaults.CDI_RULES, "0"))
    devices = bundle.linux.resources.devices
    return devices[len(devices) - count :]


def _gpus(asked: str, catalog: Catalog) -> Sequence[str]:
    """Their full names: of the first vendor that this host has any of."""
    if not asked:
        return ()
    count, names = gpus(asked)
    kind = next((kind for kind in _GPUS if any(name.startswith(f"{kind}=") for name in catalog.devices)), "")
    if not kind:
        places = " or ".join(str(path) for path in cdi_files.DIRECTORIES)
        raise Unsupported(
            f"gpus: no file in {places} describes devices of {' or '.join(_GPUS)}.",
            hint="The vendor's toolkit writes one, such as `nvidia-ctk cdi generate`.",
        )
    if count < 0:
        return (f"{kind}=all",)
    if not names:
        names = tuple(str(number) for number in range(count))
        if f"{kind}={count - 1}" not in catalog.devices:
            raise Unsupported(f"gpus: this host does not have {count} devices of {kind}.")
    return [f"{kind}={name}" for name in names]


def _edits(found: Iterable[Described]) -> Iterable[tuple[ContainerEdits, Path]]:
    """Of each file once, when its first device comes, and of each device once, in the order they were asked for."""
    seen = set()
    for one in found:
        for key, edits in (
            (one.path, one.file.container_edits),
            ((one.path, one.device.name), one.device.container_edits),
        ):
            if key not in seen:
                seen.add(key)
                yield edits, one.path


def _edit(bundle: oci.Spec, edits: ContainerEdits, path: Path) -> oci.Spec:
    if edits.intel_rdt is not None:
        raise Unsupported(f"{path} asks for a share of the processor's caches (intelRdt), which no container is given.")
    nodes = [_node(node, bundle.process.user, path) for node in edits.device_nodes]
    made = [
        oci.DeviceRule(True, "c" if node.type == "u" else node.type, node.major, node.minor, asked.permissions)
        for node, asked in zip(nodes, edits.device_nodes, strict=True)
        if node.type != "p" and asked.permissions
    ]
    linux, user = bundle.linux, bundle.process.user
    resources = replace(linux.resources, devices=(*linux.resources.devices, *made))
    gids = (*user.additional_gids, *(gid for gid in edits.additional_gids if gid and gid not in user.additional_gids))
    counted = len(rules(bundle)) + len(made)
    return replace(
        bundle,
        process=replace(
            bundle.process,
            env=_environment(bundle.process.env, edits.env),
            user=replace(user, additional_gids=tuple(dict.fromkeys(gids))),
        ),
        linux=replace(linux, devices=_by_path((*linux.devices, *nodes)), resources=resources),
        mounts=_mounts(bundle.mounts, edits.mounts),
        hooks=_hooks(bundle.hooks or oci.Hooks(), edits.hooks) if edits.hooks else bundle.hooks,
        annotations=dict(bundle.annotations) | ({defaults.CDI_RULES: str(counted)} if counted else {}),
    )


def _node(node: DeviceNode, user: oci.User, path: Path) -> oci.Device:
    """The node; whoever the program runs as owns it unless the file says otherwise, as in CDI's own library."""
    kind, major, minor, mode = node.type, node.major, node.minor, node.file_mode
    if not kind or (kind != "p" and (major is None or minor is None)):
        at = node.host_path or node.path
        try:
            info = os.stat(at)
        except OSError as error:
            raise InvalidSpec("cdi_devices", f"{path} names {at[:200]}: {error.strerror}") from None
        there = _TYPES.get(stat.S_IFMT(info.st_mode), "")
        if not there or kind.replace("u", "c") not in ("", there):
            raise InvalidSpec("cdi_devices", f"{path} names {at[:200]}, which is not such a device")
        kind, major, minor = kind or there, os.major(info.st_rdev), os.minor(info.st_rdev)
        mode = stat.S_IMODE(info.st_mode) if mode is None else mode
    uid = user.uid if node.uid is None else node.uid
    gid = user.gid if node.gid is None else node.gid
    return oci.Device(node.path, kind, major or 0, minor or 0, mode, uid, gid)


def _environment(own: tuple[str, ...], added: tuple[str, ...]) -> tuple[str, ...]:
    merged = dict(entry.split("=", 1) for entry in (*own, *added))
    return tuple(f"{name}={value}" for name, value in merged.items())


def _by_path(devices: tuple[oci.Device, ...]) -> tuple[oci.Device, ...]:
    return tuple({device.path: device for device in devices}.values())


def _mounts(own: tuple[oci.Mount, ...], added: tuple[CdiMount, ...]) -> tuple[oci.Mount, ...]:
    """One in the place of another replaces it; what is mounted within another comes after that."""
    if not added:
        return own
    new = [oci.Mount(item.container_path, item.type, item.host_path, item.options) for item in added]
    merged = {item.destination: item for item in (*own, *new)}
    return tuple(sorted(merged.values(), key=_depth))


def _depth(item: oci.Mount) -> int:
    return 0 if item.destination in _USUAL else item.destination.rstrip("/").count("/")


def _hooks(own: oci.Hooks, added: tuple[CdiHook, ...]) -> oci.Hooks:
    phases = {codec.key_of(phase, oci=True): phase.name for phase in fields(own)}
    for hook in added:
        name = phases[hook.hook_name]
        made = oci.Hook(hook.path, hook.args, hook.env, hook.timeout)
        own = replace(own, **{name: (*getattr(own, name), made)})
    return own
