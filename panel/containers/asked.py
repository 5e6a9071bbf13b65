"""Reads what is asked of containers under the engine's own rules, before any host is; what is wrong names its field."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from engine import JOINABLE, ContainerSpec, ExecSpec, PruneFilters, Update
from panel.containers import names
from panel.containers.models import Container
from panel.errors import Invalid, in_callers_terms
from panel.hosts.models import Host

JOINS = "container:"


def spec_of(asked: dict[str, Any]) -> ContainerSpec:
    """The specification that was asked for, with a friendly name if it has none. Raises Invalid."""
    has_name = asked.get("name") not in (None, "")
    with in_callers_terms():
        return ContainerSpec.from_json(asked if has_name else {**asked, "name": names.friendly()})


def check_name(name: str) -> None:
    """Raise Invalid for what cannot be a container's name."""
    with in_callers_terms():
        ContainerSpec.from_json({"name": name, "image": "any"})


def check_ending(signal: str | None, timeout_s: float | None = None) -> None:
    """Hold a signal and a grace period to the rules of a specification's own. Raises Invalid."""
    asked = {"name": "any", "image": "any", "stop_signal": signal or ""}
    with in_callers_terms("stop_"):
        ContainerSpec.from_json(asked | ({} if timeout_s is None else {"stop_timeout_s": timeout_s}))


def changed(container: Container, change: dict[str, Any]) -> ContainerSpec:
    """The specification the container will have after `change`, `engine.Update` as JSON. Raises Invalid."""
    with in_callers_terms():
        return Update.from_json(change).apply(ContainerSpec.from_json(container.spec))


def exec_spec(asked: dict[str, Any]) -> ExecSpec:
    """What is to be run in a container. Raises Invalid."""
    with in_callers_terms():
        return ExecSpec.from_json(asked)


def prune_filters(asked: dict[str, Any]) -> PruneFilters:
    """Which containers are meant. Raises Invalid."""
    with in_callers_terms():
        return PruneFilters.from_json(asked)


def with_partners(spec: ContainerSpec, host: Host) -> ContainerSpec:
    """The same, naming by id the containers it shares with: a name may be another's by then."""
    joined: dict[str, Any] = {
        name: JOINS + _partner(host, name, getattr(spec, name).removeprefix(JOINS)).pk
        for name in JOINABLE
        if getattr(spec, name).startswith(JOINS)
    }
    sources = [entry.partition(":") for entry in spec.volumes_from]
    volumes_from = tuple(_partner(host, "volumes_from", name).pk + colon + mode for name, colon, mode in sources)
    return replace(spec, volumes_from=volumes_from, **joined)


def partners(spec: ContainerSpec) -> Iterator[tuple[str, Container | None]]:
    """The containers it shares with, by the field that says so; None for one that is not there."""
    joined = [(name, text.removeprefix(JOINS)) for name in JOINABLE if (text := getattr(spec, name)).startswith(JOINS)]
    for name, wanted in [*joined, *(("volumes_from", entry.partition(":")[0]) for entry in spec.volumes_from)]:
        yield name, Container.objects.all().meant_by(wanted).first()


def _partner(host: Host, field: str, wanted: str) -> Container:
    found = Container.objects.all().meant_by(wanted).filter(host=host).first()
    if found is None:
        raise Invalid(_("There is no container %(name)s on the host.") % {"name": wanted}, field=field)
    return found
