"""Which tags are asked about at their registries, when, and what came of it."""

import os
import random
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from engine import InvalidSpec, Reference, UpdateCheck
from panel.accounts.actors import Actor
from panel.audit.chain import plain
from panel.audit.subject import Subject
from panel.errors import Refused
from panel.hosts.models import Host
from panel.images.models import Image, TrackedTag
from panel.operations import services as operations
from panel.operations.models import Operation
from panel.registries.access import Way, way_for
from panel.registries.models import Credential

KIND = "images.check_updates"
EVERY_HOURS = float(os.environ.get("MOORAGE_UPDATE_CHECK_HOURS") or 6)
"""How often a tag is asked about; 0 is never."""
JITTER = 0.1
LEAST_REST = timedelta(hours=1)
"""So long is a registry left alone at least that said it was asked too often."""
MOST_AT_ONCE = 100


def interval() -> timedelta:
    """Until a tag is asked about again: not exactly the same for all, so that they spread."""
    hours = EVERY_HOURS or 24 * 365
    return timedelta(hours=hours * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - it only spreads the load


def tracked(image: Image) -> list[TrackedTag]:
    """The tags of the image's names, which are asked about from now on. Digests do not move."""
    return [track(image.host_id, name, image.image_id) for name in image.references if "@" not in name]


def track(host: str, reference: str, image_id: str) -> TrackedTag:
    """Ask about this name of this image from now on; of an image that had it before it is known to have moved."""
    row, _is_new = TrackedTag.objects.get_or_create(
        host_id=host, reference=reference, image_id=image_id, defaults={"due_at": timezone.now() + interval()}
    )
    TrackedTag.objects.filter(host_id=host, reference=reference).exclude(pk=row.pk).update(is_current=False)
    return row


def pulled(host: str, reference: str, image_id: str, credential: Credential | None) -> None:
    """The name was pulled just now: so this is the registry's image for it, whatever was known before."""
    row, now = track(host, reference, image_id), timezone.now()
    row.is_current, row.digest, row.error, row.credential = True, "", "", credential
    row.checked_at, row.due_at = now, now + interval()
    row.save()


def due(host: Host) -> list[TrackedTag]:
    """What is to be asked of the host now: names its images still have."""
    rows = TrackedTag.objects.filter(host=host, due_at__lte=timezone.now()).select_related("credential__registry")
    rows = rows.order_by("due_at")[: MOST_AT_ONCE * 2]
    names = {name for image in Image.objects.filter(host=host).only("references") for name in image.references}
    return [row for row in rows if row.reference in names][:MOST_AT_ONCE]


def request(*, actor: Actor, host: Host, tags: Sequence[TrackedTag], subject: Subject) -> Operation:
    """Have the host ask. Called by a service or by the clock. Raises Conflicting for a registry that is off."""
    ways = {_key(tag): _way(actor, tag) for tag in tags}
    checks = [{"reference": tag.reference, "access": _key(tag), "known": _known(tag)} for tag in tags]
    return operations.request(
        actor=actor,
        kind=KIND,
        host=host.name,
        subject=subject,
        payload=lambda operation: {
            "checks": checks,
            "accesses": {key: way.sealed(host, operation) for key, way in ways.items()},
        },
    )


def reachable(actor: Actor, tags: Iterable[TrackedTag]) -> list[TrackedTag]:
    """Those whose registry may be asked; the others are left for later."""
    found = []
    for tag in tags:
        try:
            _way(actor, tag)
        except Refused as refusal:
            tag.error, tag.due_at = str(refusal.message), timezone.now() + interval()
            tag.save(update_fields=["error", "due_at"])
        else:
            found.append(tag)
    return found


def write_down(row: Operation) -> None:
    """What the host found, as far as it was asked for it."""
    asked = {check["reference"] for check in row.payload["checks"]}
    results = row.result.get("checks") if isinstance(row.result, dict) else None
    for result in results if isinstance(results, list) else []:
        if isinstance(result, dict) and result.get("reference") in asked:
            _write_one(row.host_id, result)


def _write_one(host: str, result: dict[str, Any]) -> None:
    now = timezone.now()
    tags = TrackedTag.objects.filter(host_id=host, reference=result["reference"])
    try:
        found = UpdateCheck.from_json(result.get("update"))
    except InvalidSpec:
        error = result["error"] if isinstance(result.get("error"), dict) else {}
        tags.update(error=str(plain(error.get("message") or ""))[:2000], checked_at=now, due_at=now + _rest(error))
        return
    values = {"digest": found.digest[:160], "checked_at": now, "error": "", "due_at": now + interval()}
    if not tags.filter(image_id=found.image_id).update(is_current=found.is_current, **values):
        track(host, result["reference"], found.image_id[:80])
        tags.filter(image_id=found.image_id).update(is_current=found.is_current, **values)


def _rest(error: dict[str, Any]) -> timedelta:
    if error.get("code") != "rate-limited":
        return interval()
    told = error.get("retry_after_s")
    wanted = timedelta(seconds=min(told, 7 * 86400)) if isinstance(told, int) and told > 0 else interval()
    return max(wanted, LEAST_REST)


def _way(actor: Actor, tag: TrackedTag) -> Way:
    return way_for(actor, Reference.parse(tag.reference).domain, tag.credential)


def _key(tag: TrackedTag) -> str:
    """Tags that are reached the same way share it."""
    return f"{Reference.parse(tag.reference).domain} {tag.credential_id or ''}"


def _known(tag: TrackedTag) -> dict[str, Any] | None:
    if not tag.digest:
        return None
    return UpdateCheck(tag.reference, tag.image_id, tag.digest, tag.is_current).to_json()
