"""`run`: create and start in one."""

from argparse import ArgumentParser, Namespace

from engine.runtime import run
from engine.runtime.commands.create import options
from engine.runtime.diary import Diary
from engine.runtime.options import add_bundle, add_flag
from engine.runtime.store import Store


def add_arguments(parser: ArgumentParser) -> None:
    """See runc(8)."""
    add_bundle(parser)
    for names in (("--detach", "-d"), ("--keep",), ("--no-subreaper",)):
        add_flag(parser, *names)


def carry_out(asked: Namespace, store: Store, diary: Diary) -> int:
    """See `engine.runtime.run`."""
    chosen = options(asked, diary, is_detached=asked.detach)
    return run.run(store, diary, asked.id, asked.bundle, chosen, keep=asked.keep)
