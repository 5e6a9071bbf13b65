"""What a container's shim does for it beside guarding it, worked out when it is made and kept in `state.json`."""

import signal as signals
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from engine.cgroups import Cgroup
from engine.container import entry, plan
from engine.container.state import Record
from engine.errors import InvalidSpec
from engine.images import Image
from engine.launcher import messages
from engine.spec import codec
from engine.spec import runtime as oci
from engine.spec.container import ContainerSpec
from engine.spec.life import HealthCheck
from engine.sys import names

_DOCKERS = HealthCheck((), interval_s=30.0, timeout_s=30.0, retries=3, start_period_s=0.0, start_interval_s=5.0)
_SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True)
class Care:
    """How the shim ends the container if it has to, and the check of its health with nothing left open, or None."""

    stop_signal: int
    stop_timeout_s: float
    restarts_unhealthy: bool
    health: HealthCheck | None

    @classmethod
    def from_json(cls, value: object) -> Self:
        """What the record holds."""
        return codec.from_json(cls, value, where="care")


def of(spec: ContainerSpec, image: Image) -> dict[str, Any] | None:
    """What the record holds, None for a container that needs no care. Raises InvalidSpec."""
    health = resolve(spec.health, image.health)
    if spec.restart_when_unhealthy and health is None:
        raise InvalidSpec("restart_when_unhealthy", "neither the request nor the image says how to check its health")
    if spec.ttl_s is None and health is None:
        return None
    number = names.signal(spec.stop_signal or image.stop_signal or "TERM") or signals.SIGTERM
    return asdict(Care(number, spec.stop_timeout_s, spec.restart_when_unhealthy, health))


def resolve(asked: HealthCheck, image: HealthCheck) -> HealthCheck | None:
    """What is asked, else what the image says, else Docker's values; None when nothing is to be checked."""
    test = asked.test or image.test
    if not test or test[0] == "NONE":
        return None
    values: Mapping[str, Any] = {name: value for name, value in asdict(asked).items() if value is not None}
    usual = {name: value for name, value in asdict(image).items() if value is not None}
    return replace(_DOCKERS, **{**usual, **values, "test": test})


def expires_at(created_at: str, ttl_s: float | None) -> str:
    """The end of the time to live, as every record writes times; empty for none."""
    if ttl_s is None:
        return ""
    moment = datetime.fromisoformat(created_at) + timedelta(seconds=ttl_s)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def is_over(record: Record) -> bool:
    """Whether the container's time to live is over."""
    return bool(record.expires_at) and datetime.fromisoformat(record.expires_at) <= datetime.now(UTC)


def deadline(record: Record) -> float:
    """The same moment in seconds since 1970, 0 for none."""
    return datetime.fromisoformat(record.expires_at).timestamp() if record.expires_at else 0.0


def pack(record: Record, bundle: oci.Spec, cgroup: Cgroup) -> bytes:
    """What the plan carries of it."""
    if record.care is None:
        return b""
    care = Care.from_json(record.care)
    check, packed = None, b""
    if (health := care.health) is not None:
        packed = messages.pack_entry(_entry(bundle, cgroup, health.test))
        check = messages.Check(*(getattr(health, name) for name in messages.Check._fields))
    name = names.signal_name(care.stop_signal)
    return messages.pack_care(
        messages.Care(care.stop_signal, name, care.stop_timeout_s, care.restarts_unhealthy, check, packed)
    )


def _entry(bundle: oci.Spec, cgroup: Cgroup, test: tuple[str, ...]) -> messages.Entry:
    """The check as one more program: the container's own process but for its arguments, and without a terminal."""
    kind, *words = test
    args = (*_SHELL, *words) if kind == "CMD-SHELL" else tuple(words)
    what = plan.process_of(replace(bundle, process=replace(bundle.process, args=args, terminal=False)))
    return entry.for_bundle(bundle, what, cgroup)
