"""Who may be given more of a host than containers are given: calls that take `containers.create_privileged` too.

Whoever works inside such a container can do what it can, so running programs in it and writing its files take the same.
"""

from typing import Any

from engine import ContainerSpec, InvalidSpec, outlets, privileges
from panel.containers import asked
from panel.containers.models import Container
from panel.door import Need
from panel.errors import Invalid

PERMISSION = "containers.create_privileged"


def to_create(arguments: dict[str, Any]) -> Need | None:
    """For a specification that asks for it, joins a container that has it, or sends its output where it likes."""
    try:
        spec = asked.spec_of(arguments["spec"])
    except Invalid:
        return None  # which the service will say
    joined = [field for field, partner in asked.partners(spec) if partner is not None and held(partner)]
    return _need([*privileges(spec), *outlets(spec), *joined])


def to_change(arguments: dict[str, Any]) -> Need | None:
    """For a change that lets it open other devices."""
    return _need([name for name in ("device_cgroup_rules",) if arguments["change"].get(name)])


def to_enter(arguments: dict[str, Any]) -> Need | None:
    """For a container that has it already, and for a program that is to have every capability."""
    own = ["privileged"] if arguments.get("spec", {}).get("privileged") else []
    return _need(own + held(arguments["container"]))


def held(container: Container, seen: frozenset[str] = frozenset()) -> list[str]:
    """What gives the container more of its host; of one whose specification is not known, the specification.

    `seen` are containers on the way here, whose namespaces lead to this one.
    """
    try:
        spec = ContainerSpec.from_json(container.spec)
    except InvalidSpec:
        return ["spec"]
    way = seen | {container.pk}
    joined = [name for name, partner in asked.partners(spec) if _brings_more(container, partner, way)]
    return [*privileges(spec), *joined]


def joins_plain(spec: ContainerSpec) -> bool:
    """Whether no container it shares with is given more of its host: what it has of them stays when they are gone."""
    return all(partner is not None and not held(partner) for _, partner in asked.partners(spec))


def _brings_more(container: Container, partner: Container | None, way: frozenset[str]) -> bool:
    if partner is None:
        return not container.joins_plain
    return partner.pk not in way and bool(held(partner, way))


def _need(fields: list[str]) -> Need | None:
    return Need(PERMISSION, ", ".join(dict.fromkeys(fields))) if fields else None
