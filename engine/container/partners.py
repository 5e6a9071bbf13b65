"""Finds the containers whose namespaces another is to share, and what has to come along with those."""

import json
from dataclasses import replace

from engine.container import state
from engine.container.namespaces import CONTAINER, HOST
from engine.container.runtime import Runtime
from engine.errors import Conflict, InvalidSpec, NotFound
from engine.spec.container import JOINABLE, ContainerSpec, Status
from engine.spec.runtime import Spec


def resolve(runtime: Runtime, spec: ContainerSpec) -> tuple[ContainerSpec, str]:
    """`spec` with an id in place of each name, and the id of the partner whose user namespace is shared too, or "".

    Raises InvalidSpec naming the field for a container that is not there or does not share, or when partners have not
    one user namespace between them.
    """
    modes: dict[str, str] = {field: getattr(spec, field) for field in JOINABLE}
    found = {
        field: find(runtime, field, mode.removeprefix(CONTAINER))
        for field, mode in modes.items()
        if mode.startswith(CONTAINER)
    }
    if not found:
        return spec, ""
    owners = {_owner_of_ids(runtime, partner): partner for partner in found.values()}
    if len(owners) > 1:
        raise InvalidSpec(
            next(iter(found)), "these containers have different user namespaces, so one cannot share with all of them"
        )
    if "ipc" in found and not _shares_ipc(runtime, found["ipc"]):
        raise InvalidSpec("ipc", "that container keeps its IPC to itself", hint="Create it with ipc=shareable.")
    owner, partner = owners.popitem()
    network, pid, ipc, uts, time, cgroup = (
        _mode(runtime, field, found[field]) if field in found else mode for field, mode in modes.items()
    )
    shared = replace(spec, network=network, pid=pid, ipc=ipc, uts=uts, time=time, cgroup_namespace=cgroup)
    return (shared, partner) if owner else (replace(shared, userns=HOST), "")


def check_running(runtime: Runtime, joins: list[list[object]]) -> None:
    """Raise Conflict unless every container whose namespaces the plan's `joins` name is there to share them."""
    for _, place in joins:
        folder = runtime.containers / str(place).rpartition("/")[2]
        if folder.parent == runtime.containers and str(place) == str(folder):
            partner = state.load(folder)
            if partner.status not in (Status.RUNNING, Status.PAUSED):
                raise Conflict(
                    f"Container {partner.name}, whose namespaces it shares, does not run.", hint="Start that one first."
                )


def find(runtime: Runtime, field: str, wanted: str) -> str:
    """The id of the container with this id or name, or the only one whose id begins so. Raises InvalidSpec."""
    if wanted in (ids := runtime.ids()):
        return wanted
    named = [container_id for container_id in ids if _name(runtime, container_id) == wanted]
    matching = named or [container_id for container_id in ids if wanted and container_id.startswith(wanted)]
    if len(matching) != 1:
        raise InvalidSpec(field, f"there is no container {wanted[:80]!r} on this host")
    return matching[0]


def _name(runtime: Runtime, container_id: str) -> str:
    try:
        return state.load_record(runtime.folder(container_id)).name
    except NotFound:
        return ""  # removed at this moment


def _mode(runtime: Runtime, field: str, partner: str) -> str:
    """How to have the partner's namespace: by joining it, or, where that is the host's, by keeping that.

    It could not be joined: nobody in the user namespace of a container has a say in what is the host's.
    """
    kind = "cgroup" if field == "cgroup_namespace" else field
    if any(item.type == kind for item in _bundle(runtime, partner).linux.namespaces):
        return CONTAINER + partner
    return "" if field == "time" else HOST


def _bundle(runtime: Runtime, container_id: str) -> Spec:
    return Spec.from_json(json.loads((runtime.folder(container_id) / "config.json").read_bytes()))


def _owner_of_ids(runtime: Runtime, container_id: str) -> str:
    """Whose user namespace the container is in, "" for the host's."""
    for item in _bundle(runtime, container_id).linux.namespaces:
        if item.type == "user":
            return item.path.removeprefix(CONTAINER) or container_id
    return ""


def _shares_ipc(runtime: Runtime, container_id: str) -> bool:
    spec = ContainerSpec.from_json(json.loads((runtime.folder(container_id) / "spec.json").read_bytes()))
    return spec.ipc not in ("", "private", "none")
