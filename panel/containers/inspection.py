"""All the panel knows of one container, as JSON values under the engine's own names where it has them."""

from typing import Any

from django.db.models import Model

from panel.containers.models import Container
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
    """The record, then what was asked (`spec`), then what the host tells about the image, if it still has it."""
    record: dict[str, Any] = {name: getattr(container, name) for name in PLAIN}
    record |= {name: _stamp(container, name) for name in TIMES}
    record |= {"created_by": container.created_by_name, "host": container.host_id, "spec": container.spec}
    record["image_config"] = image.config if image else None
    return record


def _stamp(row: Model, name: str) -> str | None:
    moment = getattr(row, name)
    return moment.isoformat() if moment else None
