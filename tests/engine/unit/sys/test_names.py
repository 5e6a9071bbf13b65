"""Names of capabilities, signals and limits, as people write them."""

import signal

import pytest

from engine.sys import names


@pytest.mark.parametrize(
    ("text", "number"),
    [("TERM", 15), ("sigterm", 15), ("9", 9), ("RTMIN+3", signal.SIGRTMIN + 3), ("SIGRTMAX-1", signal.SIGRTMAX - 1)],
)
def test_signals_are_known_by_name_and_number(text: str, number: int) -> None:
    assert names.signal(text) == number


@pytest.mark.parametrize("text", ["", "0", "65", "SIGHUMP", "RTMIN+99", "RTMAX-31", "RTMIN-1", "-1", "\uff11"])
def test_what_is_no_signal_is_none(text: str) -> None:
    assert names.signal(text) is None


def test_capabilities_are_numbered_as_in_the_kernel() -> None:
    assert [names.capability(name) for name in ("CAP_CHOWN", "net_admin", "CHECKPOINT_RESTORE", "fly")] == [
        0,
        12,
        40,
        None,
    ]
