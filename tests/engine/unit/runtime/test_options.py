"""Options as runc's callers write them."""

import pytest

from engine.runtime.options import Parser, add_flag, both


def parser() -> Parser:
    made = Parser(prog="x")
    made.add_argument(*both("--log"))
    made.add_argument(*both("--log-format"))
    add_flag(made, "--debug", "-d")
    made.add_argument("command")
    made.add_argument("arguments", nargs="...")
    return made


@pytest.mark.parametrize(
    "words",
    ["--log f --debug go", "-log f -debug go", "--log=f -d go", "-log=f -d -- go"],
)
def test_options_have_one_dash_or_two_and_values_beside_them_or_apart(words: str) -> None:
    asked = parser().parse(words.split())
    assert (asked.log, asked.debug, asked.command, asked.arguments) == ("f", True, "go", [])


def test_what_follows_the_first_word_is_left_alone_whatever_it_looks_like() -> None:
    asked = parser().parse(["--log-format", "json", "go", "-l", "--debug", "--", "-log", "x"])
    assert (asked.command, asked.arguments, asked.debug) == ("go", ["-l", "--debug", "--", "-log", "x"], False)
