"""`kill`: send a signal to a container."""

from argparse import ArgumentParser, Namespace

from engine.runtime import kill
from engine.runtime.diary import Diary
from engine.runtime.options import add_flag, add_id
from engine.runtime.store import Store


def add_arguments(parser: ArgumentParser) -> None:
    """See runc(8)."""
    add_id(parser)
    add_flag(parser, "--all", "-a")
    parser.add_argument("signal", nargs="?", default="SIGTERM")


def carry_out(asked: Namespace, store: Store, _: Diary) -> None:
    """See `engine.runtime.kill`."""
    kill.kill(store, asked.id, asked.signal, is_for_all=asked.all)
