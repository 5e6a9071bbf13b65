"""Writes down which images a host has."""

import logging
from functools import partial
from typing import Any

from django.db import transaction

from panel.audit.chain import plain
from panel.hosts.moments import moment
from panel.images.models import Image, TrackedTag
from panel.realtime.changes import announce

logger = logging.getLogger(__name__)

COLUMNS = ("references", "size_bytes", "shared_bytes", "architecture", "os", "created_at", "config")


@transaction.atomic
def mirror(host: str, values: list[Any]) -> None:
    """Make the host's images here what the host says it has: its whole list."""
    told = {value["id"]: _columns(value) for value in values if _is_well_formed(value)}
    known = {image.image_id: image for image in Image.objects.filter(host_id=host).select_for_update()}
    gone = [image.pk for image_id, image in known.items() if image_id not in told]
    Image.objects.filter(pk__in=gone).delete()
    TrackedTag.objects.filter(host=host).exclude(image_id__in=told).delete()
    # Hosts have hundreds of images, and tell of all of them whenever one has changed.
    changed = [known[image_id] for image_id in told if image_id in known and _changes(known[image_id], told[image_id])]
    Image.objects.bulk_update(changed, COLUMNS, batch_size=100)
    new = [Image(host_id=host, image_id=key, **columns) for key, columns in told.items() if key not in known]
    # Another report may have come first: then this one counts.
    unique = ("host", "image_id")
    Image.objects.bulk_create(new, update_conflicts=True, update_fields=COLUMNS, unique_fields=unique)
    transaction.on_commit(partial(announce, "images", host))


def _changes(image: Image, columns: dict[str, Any]) -> bool:
    """Put the values into the row; whether that makes it another."""
    before = [getattr(image, name) for name in columns]
    for name, value in columns.items():
        setattr(image, name, value)
    return before != list(columns.values())


def _is_well_formed(value: Any) -> bool:
    is_image = (
        isinstance(value, dict)
        and isinstance(value.get("id"), str)
        and 0 < len(value["id"]) <= 80
        and isinstance(value.get("references"), list)
        and all(isinstance(reference, str) for reference in value["references"])
        and isinstance(value.get("size_bytes"), int)
        and isinstance(value.get("shared_bytes", 0), int)
    )
    if not is_image:
        logger.warning("a host's report of an image is not well formed: %.200r", value)
    return is_image


def _columns(value: dict[str, Any]) -> dict[str, Any]:
    return {
        "references": value["references"],
        "size_bytes": value["size_bytes"],
        "shared_bytes": value.get("shared_bytes") or 0,
        "architecture": str(value.get("architecture") or "")[:32],
        "os": str(value.get("os") or "")[:32],
        "created_at": moment(value.get("created_at")),
        "config": plain(value),
    }
