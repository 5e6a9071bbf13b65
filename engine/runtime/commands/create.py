"""`create`: make a container whose program waits for `start`."""

from argparse import ArgumentParser, Namespace

from engine.runtime import create
from engine.runtime.diary import Diary
from engine.runtime.options import add_bundle, preserved_fds
from engine.runtime.store import Store


def add_arguments(parser: ArgumentParser) -> None:
    """See runc(8)."""
    add_bundle(parser)


def carry_out(asked: Namespace, store: Store, diary: Diary) -> None:
    """See `engine.runtime.create`."""
    create.create(store, diary, asked.id, asked.bundle, options(asked, diary, is_detached=True))


def options(asked: Namespace, diary: Diary, *, is_detached: bool) -> create.Options:
    """What the command line says."""
    if asked.no_pivot:
        diary.warning("--no-pivot is ignored: the root is changed by pivot_root(2)")
    return create.Options(
        console_socket=asked.console_socket,
        pid_file=asked.pid_file,
        has_keyring=not asked.no_new_keyring,
        preserved_fds=preserved_fds(asked),
        is_detached=is_detached,
    )
