"""Points in time as people and Docker's clients write them: dates, seconds since 1970, and how long ago."""

import re
import time
from datetime import UTC, datetime

from panel.errors import Invalid

_NS = 10**9
_DIGITS = re.compile(r"([0-9]{1,19})(?:\.([0-9]{1,9}))?")
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ns|us|µs|ms|s|m|h))+")  # Go's time.ParseDuration
_PART = re.compile(r"([0-9.]+)(ns|us|µs|ms|s|m|h)")
_UNIT_NS = {"ns": 1, "us": 1000, "µs": 1000, "ms": 10**6, "s": _NS, "m": 60 * _NS, "h": 3600 * _NS}
_FRACTION = re.compile(r"\.([0-9]{1,9})")
_LAST_NS = (1 << 63) - 1
_LEAST_NS = 10**12
"""From here on a whole number counts nanoseconds: as seconds it would be the year 33658, as nanoseconds it is 1970."""


def nanoseconds(field: str, text: str, *, now_ns: int | None = None) -> int:
    """Nanoseconds since 1970 of what `text` says. Raises Invalid naming the field.

    `2026-11-24T14:30:00.5Z` (RFC 3339; a time without a zone is UTC, a date its first moment), `1795531800.25` (seconds
    since 1970), `1795531800250000000` (nanoseconds), or `1h30m` (so long before now).
    """
    if match := _DIGITS.fullmatch(text):
        whole, fraction = int(match[1]), match[2]
        return whole if whole >= _LEAST_NS and fraction is None else _seconds(whole, fraction)
    if _DURATION.fullmatch(text):
        ago = sum(int(float(number) * _UNIT_NS[unit]) for number, unit in _PART.findall(text))
        return max(0, (time.time_ns() if now_ns is None else now_ns) - ago)
    return _date(field, text)


def _seconds(whole: int, fraction: str | None) -> int:
    return min(whole * _NS + int((fraction or "").ljust(9, "0")), _LAST_NS)


def _date(field: str, text: str) -> int:
    fraction = _FRACTION.search(text)
    try:  # datetime knows six digits of a fraction, and they may have nine
        at = datetime.fromisoformat(_FRACTION.sub("", text, count=1))
    except ValueError:
        raise Invalid(
            f"{text[:40]!r} is not a time such as 2026-11-24T14:30:00Z, 1795531800 or 10m", field=field
        ) from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0, _seconds(int(at.timestamp()), fraction and fraction[1]))
