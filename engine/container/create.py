"""create: everything of a container that can be made before it runs."""

import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from engine.container import (
    bundle,
    bundle_mounts,
    care,
    cdi,
    compiled,
    full_disk,
    image_mounts,
    limits,
    log_plan,
    log_receivers,
    mount_sources,
    name_files,
    namespaces,
    networks,
    partners,
    process,
    state,
    user_namespaces,
    users,
    volumes,
    volumes_from,
    writable_groups,
)
from engine.container.image_root import ImageRoot
from engine.container.runtime import Runtime
from engine.errors import Conflict, EngineError
from engine.images import Image
from engine.launcher import records
from engine.rootfs import Snapshot
from engine.spec.container import ContainerSpec, ContainerState
from engine.spec.runtime import Spec


def create(runtime: Runtime, container_id: str, spec: ContainerSpec) -> ContainerState:
    """Make the container's folder with bundle, writable layer and state; the same request again changes nothing.

    It is built beside its place and renamed into it, so a container is there whole or not at all. Raises NotFound for
    the image, InvalidSpec for what the image cannot run, Conflict when another container has this id.
    """
    spec.validate()
    folder = runtime.folder(container_id)
    if folder.exists():
        return _existing(folder, spec)
    networks.make_usual(runtime, spec)
    # Held until this container counts among its users.
    with full_disk.told("a new container"), runtime.images.held(), runtime.volumes.held(), runtime.networks.held():
        record, oci = _make(runtime, folder, spec, runtime.images.get(spec.image))
    with suppress(EngineError), runtime.locked(container_id):  # what this host cannot run is told at the start
        compiled.keep(runtime, folder, record, oci)
    records.sync(str(folder))
    return state.load(folder)


def _make(runtime: Runtime, folder: Path, spec: ContainerSpec, image: Image) -> tuple[state.Record, Spec]:
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    os.makedirs(fresh, mode=0o700)
    try:
        made = _fill(runtime, fresh, folder.name, spec, image)
        os.rename(fresh, folder)
    except BaseException:
        Snapshot(fresh).release()
        shutil.rmtree(fresh)
        if not folder.exists():  # else somebody else made it meanwhile
            volumes.forget(runtime, folder.name)
            runtime.networks.disconnect(folder.name)
        raise
    return made


def _existing(folder: Path, spec: ContainerSpec) -> ContainerState:
    if ContainerSpec.from_json(json.loads((folder / "spec.json").read_bytes())) != spec:
        raise Conflict(f"Container {folder.name} exists already, with another specification.")
    return state.load(folder)


def _fill(
    runtime: Runtime, folder: Path, container_id: str, spec: ContainerSpec, image: Image
) -> tuple[state.Record, Spec]:
    asked = spec
    spec, shares_ids_with = partners.resolve(runtime, volumes_from.resolve(runtime, asked))
    warnings = [*mount_sources.check(spec), *limits.warnings(spec.resources), *process.warnings(spec)]
    log_receivers.check(spec)
    process.check_limits(spec)
    why_not = user_namespaces.why_not(runtime.containers, runtime.launcher.parent)
    owns_ids = namespaces.wants_own_ids(spec) and not why_not
    if owns_ids:
        warnings += [*mount_sources.check_owners(spec), *user_namespaces.check_files(runtime.images.largest_id(image))]
    elif why_not and namespaces.wants_own_ids(spec):
        warnings.append(f"No user namespace of its own, so its root is the host's: {why_not}")
    if spec.writable_cgroups and not spec.privileged:
        writable_groups.check(runtime.cgroups.hierarchies, owns_ids=owns_ids)
    counts_swap = runtime.cgroups.counts_swap
    limits.check_host(spec.resources, counts_swap=counts_swap)
    snapshot = Snapshot(folder)
    snapshot.prepare()
    if spec.storage_bytes is not None:
        snapshot.limit(spec.storage_bytes)
    lower = runtime.images.lower_layers(image)
    mounted = image_mounts.prepare(runtime, spec, snapshot)
    if owns_ids:
        warnings += image_mounts.check_owners(runtime, mounted)
    with ImageRoot(image.id, lambda: snapshot.open_below(lower)) as root:
        identity = users.resolve(spec.user or image.user, root.read_text, spec.groups)
        if owns_ids:
            user_namespaces.check_user(identity)
        names = volumes.prepare(runtime, container_id, spec, image, root)
    mounted_volumes = volumes.mounted_of(runtime, names)
    if owns_ids:
        warnings += volumes.check_owners(runtime, mounted_volumes)
    places = networks.prepare(runtime, container_id, spec)
    mounts = bundle_mounts.mounts(
        spec,
        runtime.folder(container_id),
        {at: runtime.volumes.data(name) for at, name in names.items()},
        {at: runtime.images.layer_paths(found) for at, found in mounted.items()},
    )
    parent = spec.cgroup_parent or f"/{runtime.cgroups.parent}"
    oci = bundle.make(
        container_id,
        spec,
        image,
        identity,
        f"{parent}/{container_id}",
        mounts,
        counts_swap=counts_swap,
        can_shift=not why_not,
        shares_ids_with=shares_ids_with,
    )
    plain, uses_cdi = oci, cdi.is_asked(spec)
    if uses_cdi:
        oci = cdi.apply(plain, spec)
        state.write_file(folder / cdi.PLAIN, json.dumps(plain.to_json()).encode(), durable=True)
    runtime.cgroups.check(oci.linux.resources)
    name_files.write(folder, spec, oci.hostname, networks.addresses(places))
    (folder / "lock").touch(0o600)  # so that no verb has to make it, on a disk that may be full
    now = records.now()
    record = state.Record(
        container_id,
        spec.name,
        image.id,
        now,
        seq=1,
        auto_remove=spec.auto_remove,
        expires_at=care.expires_at(now, spec.ttl_s),
        care=care.of(spec, image),
        volumes=names,
        mounted_images={at: found.id for at, found in mounted.items()},
        mounts_from=volumes_from.came_along(asked, spec),
        warnings=warnings,
        cgroup_parent=spec.cgroup_parent,
        opens_stdin=spec.open_stdin,
        log_driver=log_plan.driver_of(spec),
        uses_cdi=uses_cdi,
        mounted_volumes=mounted_volumes,
        networks=[place.network for place in places],
        ports=[asdict(port) for port in spec.ports],
    )
    for name, value in (("config", oci.to_json()), ("spec", asked.to_json()), ("state", asdict(record))):
        state.write_file(folder / f"{name}.json", json.dumps(value).encode(), durable=False)
    for name in ("config", "spec", "state"):  # all are written by now, so the disk hears of them together
        records.sync_file(str(folder / f"{name}.json"))
    return record, oci
