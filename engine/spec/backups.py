"""Backups of volumes: what is told of one, and which of many stay."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime

from engine.errors import InvalidSpec
from engine.spec.codec import Document
from engine.spec.values import between

BACKUP_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
_MOST_KEPT = 10_000


@dataclass(frozen=True)
class Backup(Document):
    """A copy of a volume in a file of its host, which takes `stored_bytes` and unpacks to `plain_bytes`.

    `was_frozen`: no container that uses the volume moved while it was made. `is_scheduled`: the clock asked for it.
    `labels` and `size_bytes` are those of the volume, for one that is made of the backup.
    """

    id: str
    volume: str
    created_at: str
    stored_bytes: int
    plain_bytes: int
    was_frozen: bool = False
    is_scheduled: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int | None = None


@dataclass(frozen=True)
class Retention(Document):
    """Which scheduled backups stay: the last ones, and the last one of each of so many days, weeks and months.

    All of them, if nothing is said.
    """

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0

    def validate(self) -> None:
        """Raise InvalidSpec for a number that cannot be."""
        for item in fields(self):
            between(item.name, getattr(self, item.name), 0, _MOST_KEPT)

    def expired(self, backups: Sequence[Backup]) -> list[Backup]:
        """Those of the scheduled ones that need not stay, newest first."""
        if self == Retention():
            return []
        newest = sorted((one for one in backups if one.is_scheduled), key=lambda one: one.id, reverse=True)
        kept = {one.id for one in newest[: self.last]}
        for count, period in ((self.daily, _day), (self.weekly, _week), (self.monthly, _month)):
            kept |= _last_of_each(newest, count, period)
        return [one for one in newest if one.id not in kept]


def check_id(value: str) -> None:
    """Raise InvalidSpec for what cannot be the id of a backup."""
    if not BACKUP_ID.fullmatch(value):
        raise InvalidSpec("backup", f"{value[:80]!r} is not the id of a backup")


def _last_of_each(newest: Sequence[Backup], count: int, period: Callable[[datetime], str]) -> set[str]:
    found: dict[str, str] = {}
    for one in newest:
        found.setdefault(period(datetime.strptime(one.id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)), one.id)
    return set(list(found.values())[:count])


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _week(at: datetime) -> str:
    return f"{at:%G-%V}"


def _month(at: datetime) -> str:
    return f"{at:%Y-%m}"
