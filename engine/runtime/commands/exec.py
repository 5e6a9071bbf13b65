"""`exec`: run one more program in a container."""

import argparse
from argparse import ArgumentParser, Namespace
from pathlib import Path

from engine.runtime import execute
from engine.runtime.diary import Diary
from engine.runtime.options import add_flag, add_id, add_process, both, preserved_fds
from engine.runtime.store import Store


def add_arguments(parser: ArgumentParser) -> None:
    """See runc-exec(8)."""
    add_id(parser)
    add_process(parser)
    for names in (("--cwd",), ("--user", "-u"), ("--process-label",), ("--apparmor",), ("--cgroup",)):
        parser.add_argument(*both(*names), default="")
    for names in (("--env", "-e"), ("--cap", "-c")):
        parser.add_argument(*both(*names), action="append", default=[])
    parser.add_argument(*both("--additional-gids", "-g"), type=int, action="append", default=[])
    parser.add_argument(*both("--process", "-p"), type=Path)
    for names in (("--tty", "-t"), ("--detach", "-d"), ("--no-new-privs",), ("--ignore-paused",)):
        add_flag(parser, *names)
    parser.add_argument("args", nargs=argparse.REMAINDER)


def carry_out(asked: Namespace, store: Store, _: Diary) -> int:
    """See `engine.runtime.execute`."""
    options = execute.Options(
        args=tuple(asked.args[1:] if asked.args[:1] == ["--"] else asked.args),
        process_file=asked.process,
        env=tuple(asked.env),
        cwd=asked.cwd,
        user=asked.user,
        groups=tuple(asked.additional_gids),
        terminal=asked.tty,
        capabilities=tuple(asked.cap),
        no_new_privileges=asked.no_new_privs,
        process_label=asked.process_label,
        apparmor=asked.apparmor,
        cgroup=asked.cgroup,
        console_socket=asked.console_socket,
        pid_file=asked.pid_file,
        preserved_fds=preserved_fds(asked),
        is_detached=asked.detach,
        ignores_paused=asked.ignore_paused,
    )
    return execute.execute(store, asked.id, options)
