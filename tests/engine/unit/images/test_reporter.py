"""Progress is told at most five times a second, ends with the truth, and a wish to stop is heard."""

from collections.abc import Sequence

import pytest

from engine.errors import Cancelled
from engine.images.reporter import Reporter
from engine.spec.progress import Step


def test_many_small_steps_are_told_few_times_and_the_end_always() -> None:
    told: list[Sequence[Step]] = []
    reporter = Reporter(told.append, None)
    number = reporter.plan("layer", total=10_000)
    with reporter.step(number):
        for _ in range(10_000):
            reporter.advance(number, 1)
    reporter.tell()
    assert len(told) <= 5
    assert told[-1] == (Step("layer", "done", 10_000, 10_000, "bytes"),)


def test_a_failure_is_told_as_one() -> None:
    told: list[Sequence[Step]] = []
    reporter = Reporter(told.append, None)
    first, second = reporter.plan("first"), reporter.plan("second")
    with pytest.raises(OSError, match="broken"), reporter.step(first):
        raise OSError("broken")
    assert [step.status for step in told[-1]] == ["failed", "waiting"]
    assert second == 1


def test_a_wish_to_stop_is_heard_between_pieces() -> None:
    reporter = Reporter(None, lambda: True)
    with pytest.raises(Cancelled):
        reporter.advance(reporter.plan("layer"), 1)
