"""Writes down which images a host has."""

import logging
from functools import partial
from typing import Any

from django.db import transaction

from panel.audit.chain import plain
from panel.hosts.moments import moment
from panel.images.models import Image
from panel.realtime.changes import announce

logger = logging.getLogger(__name__)


def mirror(host: str, values: list[Any]) -> None:
    """Make the host's images here what the host says it has: its whole list."""
    told = {value["id"]: value for value in values if _is_well_formed(value)}
    Image.objects.filter(host_id=host).exclude(image_id__in=told).delete()
    for image_id, value in told.items():
        Image.objects.update_or_create(host_id=host, image_id=image_id, defaults=_columns(value))
    transaction.on_commit(partial(announce, "images", host))


def _is_well_formed(value: Any) -> bool:
    is_image = (
        isinstance(value, dict)
        and isinstance(value.get("id"), str)
        and 0 < len(value["id"]) <= 80
        and isinstance(value.get("references"), list)
        and all(isinstance(reference, str) for reference in value["references"])
        and isinstance(value.get("size_bytes"), int)
    )
    if not is_image:
        logger.warning("a host's report of an image is not well formed: %.200r", value)
    return is_image


def _columns(value: dict[str, Any]) -> dict[str, Any]:
    return {
        "references": value["references"],
        "size_bytes": value["size_bytes"],
        "architecture": str(value.get("architecture") or "")[:32],
        "os": str(value.get("os") or "")[:32],
        "created_at": moment(value.get("created_at")),
        "config": plain(value),
    }
