"""Options as runc's callers write them."""

import pytest

from engine.errors import EngineError
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


def test_where_nothing_may_follow_options_stand_before_or_behind_the_other_words() -> None:
    made = Parser(prog="x")
    add_flag(made, "--force", "-f")
    made.add_argument(*both("--memory-swap"), type=int)
    made.add_argument("id")
    for words in ("--force --memory-swap -1 me", "me --force --memory-swap -1", "--force me --memory-swap=-1"):
        asked = made.parse(words.split())
        assert (asked.id, asked.force, asked.memory_swap) == ("me", True, -1)


@pytest.mark.parametrize("words", ["", "--fly me", "one two"])
def test_what_makes_no_sense_is_an_error_that_names_it(words: str) -> None:
    made = Parser(prog="x")
    made.add_argument("id")
    with pytest.raises(EngineError, match=r"required|--fly|two") as told:
        made.parse(words.split())
    assert told.value.hint == "See x --help."
