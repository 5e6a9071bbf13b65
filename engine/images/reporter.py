"""Tells how far an operation on images has come, a few times a second, and asks whether it should go on."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from engine.errors import Cancelled
from engine.spec.progress import IsCancelled, Progress, Step

_TELL_EVERY_S = 0.2
_ASK_EVERY_S = 0.2


class Reporter:
    """Keeps the steps of one operation. `progress` is called at most five times a second, and once at the end.

    Threads that help may change steps; `progress` and `is_cancelled` are called by the thread that made the reporter,
    as often as it changes a step or checks.
    """

    def __init__(self, progress: Progress | None, is_cancelled: IsCancelled | None) -> None:
        self._progress, self._is_cancelled = progress, is_cancelled
        self._steps: list[Step] = []
        self._lock = threading.RLock()
        self._thread = threading.get_ident()
        self._told_at = self._asked_at = -1.0

    def plan(self, name: str, total: int = 0, unit: str = "bytes") -> int:
        """Add a step that waits; returns its number."""
        self._steps.append(Step(name, total=total, unit=unit))
        return len(self._steps) - 1

    @contextmanager
    def step(self, number: int) -> Iterator[None]:
        """The step runs inside; it is done at the end, or failed if the body raises."""
        self._change(number, status="running")
        try:
            yield
        except BaseException:
            self._change(number, status="failed")
            self.tell()
            raise
        step = self._steps[number]
        self._change(number, status="done", current=max(step.current, step.total))

    def advance(self, number: int, count: int) -> None:
        """`count` more of the step are done. Raises Cancelled when the caller wants it to stop."""
        with self._lock:
            self._change(number, current=self._steps[number].current + count)
        self.check()

    def reach(self, number: int, count: int) -> None:
        """`count` of the step are done; less than before where something begins again."""
        self._change(number, current=count)

    def mark(self, number: int, phase: str) -> None:
        """The step is in this phase now, and runs if it has waited."""
        with self._lock:
            status = "running" if self._steps[number].status == "waiting" else self._steps[number].status
            self._change(number, phase=phase, status=status)

    def check(self) -> None:
        """Raise Cancelled if the caller says so; tell how far it is if that is due."""
        now = time.monotonic()
        if threading.get_ident() != self._thread:
            return
        self._tell_if_due(now)
        if self._is_cancelled is None or now - self._asked_at < _ASK_EVERY_S:
            return
        self._asked_at = now
        if self._is_cancelled():
            raise Cancelled("it was cancelled")

    def tell(self) -> None:
        """Report now, whenever the last time was."""
        if threading.get_ident() != self._thread:
            return
        self._told_at = time.monotonic()
        if self._progress is not None:
            self._progress(tuple(self._steps))

    def _change(self, number: int, **changes: object) -> None:
        with self._lock:
            self._steps[number] = replace(self._steps[number], **changes)  # type: ignore[arg-type]  # fields of Step
        if threading.get_ident() == self._thread:
            self._tell_if_due(time.monotonic())

    def _tell_if_due(self, now: float) -> None:
        if now - self._told_at >= _TELL_EVERY_S:
            self.tell()
