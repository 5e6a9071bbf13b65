"""Reads what shims left on disk of a container's runs (`engine/launcher/records.py` writes it)."""

import json
from pathlib import Path
from typing import Any

from engine.launcher import records
from engine.launcher.records import Exit, Started


def read_started(folder: Path) -> Started | None:
    """The last `started.json`, None when there is none."""
    return records.read_started(str(folder))


def read_exit(folder: Path) -> Exit | None:
    """The last `exit.json`, None when there is none."""
    return records.read_exit(str(folder))


def read(path: Path) -> dict[str, Any] | None:
    """A record as it was written, None when there is none."""
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return value
