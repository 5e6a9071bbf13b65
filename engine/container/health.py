"""Reads what a shim found of its container's health (`engine/launcher/health.py` writes it)."""

from pathlib import Path
from typing import Any

from engine.container import runs


def read(folder: Path) -> dict[str, Any] | None:
    """`{"status", "failing_streak", "log": [{"start", "end", "exit_code", "output"}]}` of the last run with a check.

    `log` holds the last five checks, the oldest first; an exit code of -1 is a check that took too long.
    """
    found = runs.read(folder / "health.json")
    return None if found is None else {name: found[name] for name in ("status", "failing_streak", "log")}
