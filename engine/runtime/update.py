"""update: other limits for a container that is there."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from engine.errors import Conflict, InvalidSpec
from engine.runtime.bundles import with_usual_devices
from engine.runtime.store import Status, Store
from engine.spec import codec
from engine.spec.runtime import Resources
from engine.spec.runtime.checks import resources as checks

T = TypeVar("T")


def read(text: str) -> Resources:
    """The resources of a document as `--resources` takes it. Raises InvalidSpec."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidSpec("resources", f"is not a JSON document: {error}") from None
    return codec.from_json(Resources, value, oci=True, where="resources")


def update(store: Store, container_id: str, change: Resources) -> None:
    """Set what `change` names and leave the rest as it is; if one limit is refused, all stay.

    Raises NotFound, Conflict for a container that has ended, InvalidSpec, Unsupported, KernelError.
    """
    checks.check("resources", change)
    container = store.get(container_id)
    if store.status(container) in (Status.STOPPED, Status.CREATING):
        raise Conflict(f"container {container_id} is not running")
    spec = store.spec(container)
    wanted = merge(spec.linux.resources, change)
    checks.check("resources", wanted)
    store.cgroups.update(container.cgroup, with_usual_devices(spec.linux.resources), with_usual_devices(wanted))
    if change.memory is not None:
        store.forget_limits(container)
    store.set_spec(container, replace(spec, linux=replace(spec.linux, resources=wanted)))


def merge(before: T, change: T) -> T:
    """`before` with whatever `change` says, field by field and within fields too; lists are taken whole."""
    said: dict[str, Any] = {}
    for field in fields(before):  # type: ignore[arg-type] # both are dataclasses of one kind
        old, new = getattr(before, field.name), getattr(change, field.name)
        if new is None or new == () or new == {}:
            continue
        if is_dataclass(new) and old is not None:
            said[field.name] = merge(old, new)
        elif isinstance(new, Mapping):
            said[field.name] = {**old, **new}
        else:
            said[field.name] = new
    return replace(before, **said)  # type: ignore[type-var] # as above
