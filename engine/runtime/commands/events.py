"""`events`: print what a container uses, once or as long as it runs."""

import json
import re
from argparse import ArgumentParser, Namespace

from engine.errors import InvalidSpec
from engine.runtime import events
from engine.runtime.diary import Diary
from engine.runtime.options import add_flag, add_id, both
from engine.runtime.store import Store

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def add_arguments(parser: ArgumentParser) -> None:
    """See runc-events(8)."""
    add_id(parser)
    parser.add_argument(*both("--interval"), default="5s", help="such as 500ms, 5s or 1m")
    add_flag(parser, "--stats")


def carry_out(asked: Namespace, store: Store, _: Diary) -> None:
    """See `engine.runtime.events`."""
    if asked.stats:
        print(json.dumps(events.stats(store, asked.id)))
        return
    for event in events.stream(store, asked.id, _seconds(asked.interval)):
        print(json.dumps(event), flush=True)


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([0-9.]+)(ms|s|m|h)", text)
    if match is None or not 0 < float(match[1]) < 1e6:
        raise InvalidSpec("--interval", f"{text[:40]!r} is not a time such as 5s")
    return float(match[1]) * _UNITS_S[match[2]]
