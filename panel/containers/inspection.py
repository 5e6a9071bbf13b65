"""All that is known of one container, as JSON values under the engine's own names where it has them."""

from typing import Any

from django.db.models import Model

from panel.agent.client import AgentError
from panel.containers import live
from panel.containers.models import Container
from panel.images.models import Image

TIMES = ("created_at", "started_at", "finished_at", "restart_at", "expires_at")
PLAIN = (
    "id",
    "name",
    "image",
    "image_id",
    "desired",
    "status",
    "seq",
    "run",
    "pid",
    "exit_code",
    "oom_killed",
    "error",
    "health",
    "restart_count",
    "warnings",
)


def inspected(container: Container, image: Image | None) -> dict[str, Any]:
    """The record, what was asked (`spec`), the image's configuration if its host still has it, and the OCI bundle."""
    record: dict[str, Any] = {name: getattr(container, name) for name in PLAIN}
    record |= {name: _stamp(container, name) for name in TIMES}
    record |= {"created_by": container.created_by_name, "host": container.host_id, "spec": container.spec}
    record["image_config"] = image.config if image else None
    return record | bundle(container)


def bundle(container: Container) -> dict[str, Any]:
    """What only its host knows: `config` (the OCI bundle's config.json), its places, what it did and how it ended.

    Those are `volumes`, `networks`, `ports`, `health_checks` and `deaths`. They are empty where the host does not tell,
    and `config_error` says why.
    """
    try:
        found = live.read(live.of(container, "inspect"))
    except AgentError as error:
        nothing: dict[str, Any] = {"config": None, "config_error": error.message, "volumes": {}, "health_checks": None}
        return nothing | {"networks": [], "ports": [], "deaths": []}
    return {
        "config": found["config"],
        "config_error": "",
        "volumes": found["volumes"],
        "networks": found["networks"],
        "ports": found["ports"],
        "health_checks": found["health"],
        "deaths": found["deaths"],
    }


def lately(container: Container) -> dict[str, Any]:
    """`death`, the certificate of its last run that has ended (with `cpu_s`), and `check`, its last health check.

    Each is None where there is none, and when its host is away, which is asked only if there is something to tell.
    """
    has_ended = not container.is_running and container.exit_code is not None
    if not (has_ended or container.restart_count or container.health):
        return {"death": None, "check": None}
    found = bundle(container)
    deaths, checks = found["deaths"], (found["health_checks"] or {}).get("log", []) if container.health else []
    return {"death": _with_seconds(deaths[0]) if deaths else None, "check": checks[-1] if checks else None}


def _with_seconds(death: dict[str, Any]) -> dict[str, Any]:
    cpu_ns = death["usage"]["cpu_ns"]
    return death | {"cpu_s": None if cpu_ns is None else cpu_ns / 1e9}


def _stamp(row: Model, name: str) -> str | None:
    moment = getattr(row, name)
    return moment.isoformat() if moment else None
