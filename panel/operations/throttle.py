"""Lets something through at most every so often."""

import time


class Throttle:
    """`passes()` is true once, then again only after `every_s` seconds."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next = 0.0

    def passes(self) -> bool:
        """Whether it is time; if so, the next time is `every_s` from now."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._every_s
        return True
