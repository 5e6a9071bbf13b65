"""update: other limits for a container, at once when it runs.

What is set out to be done is written to `update.json` before the control group is touched; that `spec.json` says the
same is the moment from which it holds. So an update cut short is either finished or undone (`settle`).
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from engine.container import bundle_devices, cdi, limits, state, wait
from engine.container.runtime import Runtime
from engine.errors import Conflict, EngineError
from engine.launcher import records
from engine.spec import codec, defaults
from engine.spec import runtime as oci
from engine.spec.container import ContainerSpec, ContainerState, Status
from engine.spec.resources import Resources
from engine.spec.update import Update


@dataclass(frozen=True)
class _Pending:
    """`update.json`: the limits as they will be, as they were asked and as the bundle says them."""

    resources: Resources
    device_cgroup_rules: tuple[str, ...]
    bundle: str

    @property
    def oci(self) -> oci.Resources:
        return codec.from_json(oci.Resources, json.loads(self.bundle), oci=True)

    def is_in(self, spec: ContainerSpec) -> bool:
        """Whether the specification says these limits."""
        return (spec.resources, spec.device_cgroup_rules) == (self.resources, self.device_cgroup_rules)


def update(runtime: Runtime, container_id: str, change: Update) -> ContainerState:
    """Change limits of the container; a running one has the new ones at once, or if one is refused the old ones.

    Raises InvalidSpec, Unsupported for a limit this host cannot keep, KernelError for one the kernel refuses (EBUSY:
    more memory is in use), Conflict for a container that is being removed.
    """
    with runtime.locked(container_id) as folder:
        settle(runtime, folder)
        current = wait.await_record(folder)
        if current.status is Status.REMOVING:
            raise Conflict(f"Container {current.name} is being removed and cannot be updated.")
        spec = _spec(folder)
        changed = change.apply(spec)
        if changed != spec:
            limits.check_host(changed.resources, counts_swap=runtime.cgroups.counts_swap)
            _carry_out(runtime, folder, spec, changed)
        return state.load(folder)


def settle(runtime: Runtime, folder: Path) -> None:
    """Finish or undo an update that was cut short, for a caller that holds the container's lock."""
    path = folder / "update.json"
    try:
        pending = codec.from_json(_Pending, json.loads(path.read_bytes()))
    except FileNotFoundError:
        return
    config = _config(folder)
    if pending.is_in(_spec(folder)):
        _write_config(folder, config, pending.oci)
    else:
        _limit(runtime, folder, pending.oci, config.linux.resources)
    _forget(path)


def _carry_out(runtime: Runtime, folder: Path, spec: ContainerSpec, changed: ContainerSpec) -> None:
    config = _config(folder)
    before = config.linux.resources
    after = _resources(spec, changed, config, counts_swap=runtime.cgroups.counts_swap)
    runtime.cgroups.check(after)
    path = folder / "update.json"
    text = json.dumps(codec.to_json(after, oci=True))
    _write(path, codec.to_json(_Pending(changed.resources, changed.device_cgroup_rules, text)))
    try:
        _limit(runtime, folder, before, after)
    except EngineError:
        _forget(path)
        raise
    _write(folder / "spec.json", changed.to_json())
    _write_config(folder, config, after)
    _forget(path)
    state.save(folder, state.load_record(folder))


def _resources(spec: ContainerSpec, changed: ContainerSpec, before: oci.Spec, *, counts_swap: bool) -> oci.Resources:
    """What the bundle says from now on; a privileged container may open every device whatever its rules say."""
    devices = before.linux.resources.devices
    if changed.device_cgroup_rules != spec.device_cgroup_rules and not spec.privileged:
        devices = (*defaults.DEVICE_RULES, *bundle_devices.devices(changed)[1], *cdi.rules(before))
    return replace(limits.to_oci(changed.resources, counts_swap=counts_swap), devices=devices)


def _limit(runtime: Runtime, folder: Path, before: oci.Resources, after: oci.Resources) -> None:
    """Change the limits of the control group, if there is one: a container that does not run has none."""
    group = state.load_record(folder).cgroup
    try:
        if runtime.cgroups.exists(group):
            runtime.cgroups.update(group, before, after)
    except EngineError:
        if runtime.cgroups.exists(group):
            raise  # else the container has ended meanwhile


def _spec(folder: Path) -> ContainerSpec:
    return ContainerSpec.from_json(json.loads((folder / "spec.json").read_bytes()))


def _config(folder: Path) -> oci.Spec:
    return oci.Spec.from_json(json.loads((folder / "config.json").read_bytes()))


def _write_config(folder: Path, config: oci.Spec, resources: oci.Resources) -> None:
    _write(folder / "config.json", replace(config, linux=replace(config.linux, resources=resources)).to_json())


def _write(path: Path, value: object) -> None:
    state.write_file(path, json.dumps(value).encode(), durable=True)


def _forget(path: Path) -> None:
    path.unlink()
    records.sync(str(path.parent))
