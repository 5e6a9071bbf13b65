"""`delete`: take a container away."""

from argparse import ArgumentParser, Namespace

from engine.runtime import delete
from engine.runtime.diary import Diary
from engine.runtime.options import add_flag, add_id
from engine.runtime.store import Store


def add_arguments(parser: ArgumentParser) -> None:
    """See runc(8)."""
    add_id(parser)
    add_flag(parser, "--force", "-f")


def carry_out(asked: Namespace, store: Store, diary: Diary) -> None:
    """See `engine.runtime.delete`."""
    delete.delete(store, diary, asked.id, is_forced=asked.force)
