"""The hash chain: each row's hash covers the row and the hash before it, and one locked head knows the last.

A changed, removed, reordered or inserted row breaks the chain at that place; rows cut off the end are missed by the
head.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from panel.audit.models import AuditEntry, AuditHead

GENESIS = "0" * 64


@dataclass(frozen=True)
class Broken:
    """The first place where the chain does not hold: the row's number and what is wrong there."""

    number: int
    reason: str


def append(**columns: Any) -> AuditEntry:
    """Write the next row. Waits for other writers: the head stays locked until the caller's transaction ends."""
    with transaction.atomic(savepoint=False):
        head = _locked_head()
        entry = AuditEntry(number=head.number + 1, at=timezone.now(), prev_hash=head.hash, **columns)
        entry.before, entry.after = plain(entry.before), plain(entry.after)
        entry.hash = digest(entry)
        entry.save(force_insert=True)
        AuditHead.objects.filter(pk=1).update(number=entry.number, hash=entry.hash)
        return entry


def _locked_head() -> AuditHead:
    head = AuditHead.objects.select_for_update().filter(pk=1).first()
    if head is None:  # the very first row
        AuditHead.objects.get_or_create(pk=1)
        head = AuditHead.objects.select_for_update().get(pk=1)
    return head


def verify() -> Broken | None:
    """Walk the whole chain in order; None if it holds."""
    number, last_hash = 0, GENESIS
    for entry in AuditEntry.objects.order_by("number").iterator(chunk_size=1000):
        number += 1
        if entry.number != number:
            return Broken(number, f"row {number} is missing; the next one is {entry.number}")
        if entry.prev_hash != last_hash:
            return Broken(number, "it does not follow the row before it")
        if entry.hash != digest(entry):
            return Broken(number, "it was altered")
        last_hash = entry.hash
    return _verify_head(number, last_hash)


def digest(entry: AuditEntry) -> str:
    """SHA-256 of the row's canonical form, which holds the hash before it; 64 hexadecimal digits."""
    return hashlib.sha256(entry.canonical()).hexdigest()


def plain(value: Any) -> Any:
    """`value` as every database gives it back: no NUL in text (PostgreSQL has none), whole floats as integers."""
    if isinstance(value, dict):
        return {str(key).replace("\0", "\ufffd"): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _verify_head(number: int, last_hash: str) -> Broken | None:
    head = AuditHead.objects.filter(pk=1).first()
    if head is None:
        return Broken(number, "the chain's head is missing") if number else None
    if head.number > number:
        return Broken(number + 1, f"rows {number + 1} to {head.number} were cut off the end")
    if (head.number, head.hash) != (number, last_hash):
        return Broken(number, "it is not the row the chain's head knows as the last")
    return None
