"""`ps`: print the processes of a container."""

import argparse
import json
from argparse import ArgumentParser, Namespace

from engine.runtime import listing
from engine.runtime.diary import Diary
from engine.runtime.options import add_id, both
from engine.runtime.store import Store


def add_arguments(parser: ArgumentParser) -> None:
    """See runc(8)."""
    add_id(parser)
    parser.add_argument(*both("--format", "-f"), choices=("table", "json"), default="table")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="of ps(1)")


def carry_out(asked: Namespace, store: Store, _: Diary) -> None:
    """See `engine.runtime.listing`."""
    pids = listing.processes(store, asked.id)
    print(json.dumps(pids) if asked.format == "json" else listing.process_table(pids, asked.options))
