"""Reads what shims left on disk of a container's runs (`engine/launcher/records.py` writes it)."""

import json
from pathlib import Path
from typing import Any

from engine.launcher.records import Exit, Started

_SINCE_RESTARTS = {"restarts": 0}  # records of runs from before there were any are without it


def read_started(folder: Path) -> Started | None:
    """The last `started.json`, None when there is none."""
    value = _read(folder / "started.json")
    return None if value is None else Started(**_SINCE_RESTARTS | value)


def read_exit(folder: Path) -> Exit | None:
    """The last `exit.json`, None when there is none."""
    value = _read(folder / "exit.json")
    return None if value is None else Exit(**_SINCE_RESTARTS | {"restart_at": ""} | value)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return value
