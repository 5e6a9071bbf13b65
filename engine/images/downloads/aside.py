"""Work that may wait long for a registry, done so that the pull can be cancelled meanwhile."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_LOOK_UP_EVERY_S = 0.1


def aside(work: Callable[[], T], *, on_wait: Callable[[], None]) -> T:
    """What `work` gives or raises, from a thread of its own; `on_wait` may raise, and then nobody waits for it."""
    given: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            given.append(work())
        except BaseException as error:  # raised below
            raised.append(error)

    thread = threading.Thread(target=run, name="aside", daemon=True)
    thread.start()
    while thread.is_alive():
        on_wait()
        thread.join(_LOOK_UP_EVERY_S)
    if raised:
        raise raised[0]
    return given[0]
