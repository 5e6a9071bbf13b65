"""Reads the certificates that shims left of a container's last runs (`engine/launcher/certificate.py` writes them)."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.cgroups import evidence
from engine.spec import codec
from engine.spec.death import Death, Request

_LINES = 20


def read(folder: Path) -> list[Death]:
    """The certificates of the container's last runs, the newest first."""
    try:
        names = [path for path in (folder / "history").iterdir() if path.suffix == ".json"]
    except FileNotFoundError:
        return []
    found = [_death(value) for path in names if (value := _read(path)) is not None]
    by_run = {death.run: death for death in found}
    own = [_own(death, by_run.get(death.run - 1)) for death in found]
    return sorted(own, key=lambda death: death.run, reverse=True)


def _own(death: Death, before: Death | None) -> Death:
    """Without what the run before used up: the restart policy's runs share their control groups, which count on."""
    if before is None or before.restart_ms is None or death.restarts != before.restarts + 1:
        return death
    now, then = death.usage, before.usage
    usage = replace(
        now,
        cpu_ns=_less(now.cpu_ns, then.cpu_ns),
        read_bytes=_less(now.read_bytes, then.read_bytes),
        written_bytes=_less(now.written_bytes, then.written_bytes),
    )
    memory = replace(death.memory, oom_kills=_less(death.memory.oom_kills, before.memory.oom_kills))
    return replace(death, usage=usage, memory=memory)


def _less(now: int | None, then: int | None) -> int | None:
    """Groups that were made afresh between the two count from nothing."""
    return now if now is None or then is None or now < then else now - then


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:  # too old by now
        return None
    return value


def _death(value: dict[str, Any]) -> Death:
    texts, asked, words = value.pop("evidence"), value.pop("asked"), value.pop("last_words")
    return Death(
        **value,
        duration_s=_seconds(value["started_at"], value["finished_at"]),
        asked=None if asked is None else codec.from_json(Request, asked, where="asked"),
        memory=evidence.memory(texts),
        usage=evidence.usage(texts),
        pressure=evidence.pressure(texts),
        last_lines=tuple(words.removesuffix("\n").split("\n")[-_LINES:]) if words else (),
    )


def _seconds(begin: str, end: str) -> float | None:
    if not begin:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
