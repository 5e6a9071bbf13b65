"""`update`: set other limits for a container."""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from engine.errors import InvalidSpec
from engine.runtime import update
from engine.runtime.diary import Diary
from engine.runtime.options import add_id, both
from engine.runtime.store import Store

_LIMITS = {
    "memory": ("memory", "limit"),
    "memory-reservation": ("memory", "reservation"),
    "memory-swap": ("memory", "swap"),
    "cpu-period": ("cpu", "period"),
    "cpu-quota": ("cpu", "quota"),
    "cpu-share": ("cpu", "shares"),
    "cpu-burst": ("cpu", "burst"),
    "cpu-idle": ("cpu", "idle"),
    "cpu-rt-period": ("cpu", "realtimePeriod"),
    "cpu-rt-runtime": ("cpu", "realtimeRuntime"),
    "cpuset-cpus": ("cpu", "cpus"),
    "cpuset-mems": ("cpu", "mems"),
    "pids-limit": ("pids", "limit"),
    "blkio-weight": ("blockIO", "weight"),
}
"""Options, and where in a document of resources each belongs."""


def add_arguments(parser: ArgumentParser) -> None:
    """See runc-update(8)."""
    add_id(parser)
    parser.add_argument(*both("--resources", "-r"), default="", help="a file, or - for standard input")
    for name in _LIMITS:
        parser.add_argument(*both(f"--{name}"))


def carry_out(asked: Namespace, store: Store, _: Diary) -> None:
    """See `engine.runtime.update`."""
    update.update(store, asked.id, update.read(_document(asked)))


def _document(asked: Namespace) -> str:
    if asked.resources:
        return sys.stdin.read() if asked.resources == "-" else Path(asked.resources).read_text()
    document: dict[str, dict[str, Any]] = {}
    for name, (section, key) in _LIMITS.items():
        value = getattr(asked, name.replace("-", "_"))
        if value is not None:
            document.setdefault(section, {})[key] = value if key in ("cpus", "mems") else _number(name, value)
    return json.dumps(document)


def _number(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise InvalidSpec(f"--{name}", f"{value[:40]!r} is not a whole number") from None
