"""`state`: print what a container is at."""

import json
from argparse import ArgumentParser, Namespace

from engine.runtime import listing
from engine.runtime.diary import Diary
from engine.runtime.options import add_id
from engine.runtime.store import Store


def add_arguments(parser: ArgumentParser) -> None:
    """See runc(8)."""
    add_id(parser)


def carry_out(asked: Namespace, store: Store, _: Diary) -> None:
    """See `engine.runtime.listing`."""
    print(json.dumps(listing.state_of(store, asked.id), indent=2))
