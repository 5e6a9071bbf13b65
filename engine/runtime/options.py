"""What the options of commands have in common."""

from argparse import ArgumentParser
from pathlib import Path


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


def add_bundle(parser: ArgumentParser) -> None:
    """What create and run take."""
    add_id(parser)
    parser.add_argument(*both("--bundle", "-b"), type=Path, default=Path(), help="its folder, else the current one")
    add_process(parser)
    add_flag(parser, "--no-pivot")
    add_flag(parser, "--no-new-keyring")
