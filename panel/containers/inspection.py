"""All that is known of one container, as JSON values under the engine's own names where it has them."""

from typing import Any

from asgiref.sync import async_to_sync
from django.db.models import Model

from panel.agent.client import AgentClient, AgentError
from panel.containers.models import Container
from panel.environment import Environment
from panel.images.models import Image

TIMES = ("created_at", "started_at", "finished_at")
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
)


def inspected(container: Container, image: Image | None) -> dict[str, Any]:
    """The record, what was asked (`spec`), the image's configuration if its host still has it, and the OCI bundle."""
    record: dict[str, Any] = {name: getattr(container, name) for name in PLAIN}
    record |= {name: _stamp(container, name) for name in TIMES}
    record |= {"created_by": container.created_by_name, "host": container.host_id, "spec": container.spec}
    record["image_config"] = image.config if image else None
    return record | bundle(container)


def bundle(container: Container) -> dict[str, Any]:
    """`config`: the OCI bundle's config.json on its host; or None, and in `config_error` why it cannot be told."""
    agent = AgentClient(Environment.from_env().agent_socket)
    try:
        return {"config": async_to_sync(agent.inspect)(container.pk)["config"], "config_error": ""}
    except AgentError as error:
        return {"config": None, "config_error": error.message}


def _stamp(row: Model, name: str) -> str | None:
    moment = getattr(row, name)
    return moment.isoformat() if moment else None
