"""`list`: print what all containers are at."""

import json
from argparse import ArgumentParser, Namespace

from engine.runtime import listing
from engine.runtime.diary import Diary
from engine.runtime.options import add_flag, both
from engine.runtime.store import Store


def add_arguments(parser: ArgumentParser) -> None:
    """See runc(8)."""
    parser.add_argument(*both("--format", "-f"), choices=("table", "json"), default="table")
    add_flag(parser, "--quiet", "-q")


def carry_out(asked: Namespace, store: Store, _: Diary) -> None:
    """See `engine.runtime.listing`."""
    if asked.quiet:
        for container_id in store.ids():
            print(container_id)
    elif asked.format == "json":
        print(json.dumps(listing.all_states(store)))
    else:
        print(listing.table(listing.all_states(store)))
