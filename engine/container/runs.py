"""Reads what shims left on disk of a container's runs (`engine/launcher/records.py` writes it)."""

import json
from pathlib import Path
from typing import Any

from engine.launcher.records import Exit, Started

_SINCE_RESTARTS = {"restarts": 0}  # records of runs from before there were any are without it


def read_started(folder: Path) -> Started | None:
    """The last `started.json`, None when there is none."""
    value = read(folder / "started.json")
    return None if value is None else Started(**_SINCE_RESTARTS | value)


def read_exit(folder: Path) -> Exit | None:
    """The last `exit.json`, None when there is none."""
    value = read(folder / "exit.json")
    return None if value is None else Exit(**_SINCE_RESTARTS | {"restart_at": ""} | value)


def read(path: Path) -> dict[str, Any] | None:
    """A record as it was written, None when there is none."""
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return value
