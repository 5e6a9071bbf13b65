"""`start`: let a container's program go."""

from argparse import ArgumentParser, Namespace

from engine.runtime import start
from engine.runtime.diary import Diary
from engine.runtime.options import add_id
from engine.runtime.store import Store


def add_arguments(parser: ArgumentParser) -> None:
    """See runc(8)."""
    add_id(parser)


def carry_out(asked: Namespace, store: Store, _: Diary) -> None:
    """See `engine.runtime.start`."""
    start.start(store, asked.id)
