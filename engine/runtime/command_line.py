"""`python -m engine.runtime [--root DIR] [--log FILE] COMMAND …`: the command line other engines call.

The options are runc's, as far as other engines use them.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any

from engine.errors import CommandNotExecutable, CommandNotFound, EngineError, Unsupported
from engine.runtime.diary import Diary
from engine.runtime.options import Parser, add_flag, both
from engine.runtime.store import Store
from engine.spec.runtime import OCI_VERSION

_ROOT = Path("/run/moorage/runtime")
_COMMANDS = (
    *("create", "start", "state", "kill", "delete", "run", "exec", "ps", "pause", "resume", "update", "list"),
    *("events", "features"),
)
_FAILED, _EXEC_FAILED = 1, 255


def main() -> int:
    """Carry out one command; its exit code."""
    parser = _parser()
    try:
        asked = parser.parse(sys.argv[1:])
    except EngineError as error:
        print(_words(error), file=sys.stderr)
        return _FAILED
    if asked.version:
        print(f"moorage-runtime\nspec: {OCI_VERSION}")
        return 0
    if asked.command is None:
        parser.print_help()
        return 0
    try:
        diary = Diary(asked.log, is_json=asked.log_format == "json", is_debug=asked.debug)
    except OSError as error:
        print(error, file=sys.stderr)
        return _FAILED
    try:
        return _carry_out(asked, diary) or 0
    except EngineError as error:
        diary.error(_words(error))
    except OSError as error:
        diary.error(str(error))
    return _EXEC_FAILED if asked.command == "exec" else _FAILED


def _parser() -> Parser:
    made = Parser(prog="moorage-runtime", description=__doc__)
    made.add_argument(*both("--root"), type=Path, default=_ROOT, help="where states are kept, until the next boot")
    made.add_argument(*both("--log"), type=Path, help="the file to write to beside standard error")
    made.add_argument(*both("--log-format"), choices=("text", "json"), default="text")
    add_flag(made, "--debug")
    add_flag(made, "--systemd-cgroup")
    made.add_argument(*both("--rootless"), default="auto", help="taken for the sake of callers; this needs root")
    made.add_argument(*both("--criu"), help="taken for the sake of callers; there are no checkpoints")
    add_flag(made, "--version", "-v")
    made.add_argument("command", nargs="?", choices=_COMMANDS, metavar="COMMAND", help=", ".join(_COMMANDS))
    made.add_argument("arguments", nargs=argparse.REMAINDER, help="of the command; see COMMAND --help")
    return made


def _carry_out(asked: argparse.Namespace, diary: Diary) -> int | None:
    if asked.systemd_cgroup:
        raise Unsupported(
            "--systemd-cgroup is not offered: control groups are made by this program itself.",
            hint="Have your engine use the cgroupfs manager.",
        )
    command: Any = importlib.import_module(f"engine.runtime.commands.{asked.command}")
    parser = Parser(prog=f"moorage-runtime {asked.command}")
    command.add_arguments(parser)
    its = parser.parse(asked.arguments)
    if os.geteuid() != 0 and asked.command != "features":
        raise Unsupported("Only root can run containers here.")
    code: int | None = command.carry_out(its, Store(asked.root.absolute()), diary)
    return code


def _words(error: EngineError) -> str:
    """The message; where callers look for runc's words to tell what was wrong, with those."""
    if isinstance(error, CommandNotFound):
        known = "no such file or directory" if "/" in error.message.partition(":")[0] else _NOT_IN_PATH
        return f"{error.message} {error.hint} ({known})"
    if isinstance(error, CommandNotExecutable):
        return f"{error.message} {error.hint} (permission denied)"
    return " ".join(filter(None, (error.message, error.hint)))


_NOT_IN_PATH = "executable file not found in $PATH"
