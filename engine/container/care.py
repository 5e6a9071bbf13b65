"""What a container's shim does for it beside guarding it, worked out when it is made and kept in `state.json`."""

import signal as signals
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.container.state import Record
from engine.images import Image
from engine.launcher import messages
from engine.spec.container import ContainerSpec
from engine.sys import names


def of(spec: ContainerSpec, image: Image) -> dict[str, Any] | None:
    """What the record holds, None for a container that needs no care."""
    if spec.ttl_s is None:
        return None
    return {
        "stop_signal": names.signal(spec.stop_signal or image.stop_signal or "TERM") or signals.SIGTERM,
        "stop_timeout_s": spec.stop_timeout_s,
    }


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


def pack(record: Record) -> bytes:
    """What the plan carries of it."""
    if record.care is None:
        return b""
    care: Mapping[str, Any] = record.care
    number = care["stop_signal"]
    return messages.pack_care(messages.Care(number, names.signal_name(number), care["stop_timeout_s"]))
