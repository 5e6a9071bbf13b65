"""Detach keys are written as Docker writes them and found wherever they are typed."""

import pytest

from engine.errors import InvalidSpec
from engine.spec.detach_keys import DEFAULT, DetachKeys, parse


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (DEFAULT, b"\x10\x11"),
        ("a", b"a"),
        ("ctrl-@,ctrl-[,ctrl-_", b"\x00\x1b\x1f"),
        ("ctrl-a,a", b"\x01a"),
        ("", b""),
    ],
)
def test_keys_are_read_as_docker_writes_them(text: str, keys: bytes) -> None:
    assert parse(text) == keys


@pytest.mark.parametrize("text", ["ctrl-", "ctrl-A", "ctrl-1", "ab", "a,,b", "é", "ctrl-ab"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpec, match="detach_keys"):
        parse(text)


def typed(keys: DetachKeys, *pieces: bytes) -> tuple[bytes, bool]:
    passed = b""
    for piece in pieces:
        more, is_complete = keys.feed(piece)
        passed += more
        if is_complete:
            return passed, True
    return passed, False


@pytest.mark.parametrize("pieces", [(b"ls\x10\x11rest",), (b"ls\x10", b"\x11rest"), (b"ls", b"\x10", b"\x11")])
def test_keys_are_found_however_they_arrive(pieces: tuple[bytes, ...]) -> None:
    assert typed(DetachKeys(b"\x10\x11"), *pieces) == (b"ls", True)


def test_a_part_of_the_keys_goes_on_to_the_program_once_it_is_clear() -> None:
    keys = DetachKeys(b"\x10\x11")
    assert keys.feed(b"a\x10") == (b"a", False)
    assert keys.feed(b"b") == (b"\x10b", False)
    assert keys.feed(b"\x10\x10\x11") == (b"\x10", True)


def test_a_part_that_begins_within_another_is_found() -> None:
    assert typed(DetachKeys(b"aab"), b"aa", b"ab") == (b"a", True)
    assert typed(DetachKeys(b"aab"), b"aaacaab") == (b"aaac", True)


def test_what_is_held_back_at_the_end_is_not_lost() -> None:
    keys = DetachKeys(b"\x10\x11")
    keys.feed(b"\x10")
    assert (keys.rest(), keys.rest()) == (b"\x10", b"")


def test_without_keys_everything_goes_on() -> None:
    assert DetachKeys(b"").feed(b"\x10\x11") == (b"\x10\x11", False)
