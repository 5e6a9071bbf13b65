"""What the options of commands have in common, and how they are told from what follows them."""

import os
from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from engine.errors import EngineError


class Parser(ArgumentParser):
    """Where a program's words follow, options end at the first word that is none: those may look like options too."""

    def __init__(self, **named: Any) -> None:
        self._flags: set[str] = set()
        self._ends_early = False
        super().__init__(allow_abbrev=False, **named)

    def add_argument(self, *names: str, **named: Any) -> Any:
        """As ever; options without a value are remembered."""
        if named.get("action") in ("store_true", "help"):
            self._flags.update(names)
        self._ends_early |= named.get("nargs") == REMAINDER
        return super().add_argument(*names, **named)

    def error(self, message: str) -> NoReturn:
        """Where words make no sense: an error as any other, which callers find where they look for errors."""
        raise EngineError(f"{message}.", hint=f"See {self.prog} --help.")

    def parse(self, words: Sequence[str]) -> Namespace:
        """What the words say. Raises EngineError for what they must not."""
        if not self._ends_early:
            return self.parse_args(words)
        end = 0
        while end < len(words) and words[end].startswith("-") and words[end] not in ("-", "--"):
            takes_next = "=" not in words[end] and words[end] not in self._flags
            end += 2 if takes_next else 1
        rest = words[end:]
        return self.parse_args([*words[:end], *(["--", *rest] if rest and rest[0] != "--" else rest)])


def both(*names: str) -> list[str]:
    """Long options are written with one dash too, as Go's programs take them."""
    return [form for name in names for form in ((name, name[1:]) if name.startswith("--") else (name,))]


def add_id(parser: ArgumentParser) -> None:
    """The container's id."""
    parser.add_argument("id", help="the container's")


def add_flag(parser: ArgumentParser, *names: str) -> None:
    """An option without a value."""
    parser.add_argument(*both(*names), action="store_true")


def add_process(parser: ArgumentParser) -> None:
    """What a new process may be given, and where it is told of."""
    parser.add_argument(*both("--console-socket"), default="", help="gets the terminal's master")
    parser.add_argument(*both("--pid-file"), type=Path, help="gets the process id")
    parser.add_argument(*both("--preserve-fds"), type=int, default=0, help="further descriptors to pass on")


def preserved_fds(asked: Namespace) -> int:
    """How many descriptors above standard error go to the program: those asked for, and those of socket activation."""
    return int(asked.preserve_fds) + int(os.environ.get("LISTEN_FDS") or 0)


def add_bundle(parser: ArgumentParser) -> None:
    """What create and run take."""
    add_id(parser)
    parser.add_argument(*both("--bundle", "-b"), type=Path, default=Path(), help="its folder, else the current one")
    add_process(parser)
    add_flag(parser, "--no-pivot")
    add_flag(parser, "--no-new-keyring")
