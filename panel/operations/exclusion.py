"""Keeps a host worker's threads out of each other's way: one at an operation, one verb at a time on a container."""

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

_guard = threading.Lock()
_under_way: set[str] = set()
_locks: "weakref.WeakValueDictionary[str, threading.Lock]" = weakref.WeakValueDictionary()


@contextmanager
def claimed(operation: str) -> Iterator[bool]:
    """Whether this thread may do it; false while another one is at it."""
    with _guard:
        is_ours = operation not in _under_way
        _under_way.add(operation)
    try:
        yield is_ours
    finally:
        if is_ours:
            with _guard:
                _under_way.discard(operation)


@contextmanager
def locked(container: str) -> Iterator[None]:
    """Wait for the container's turn; a lock nobody holds or waits for is forgotten."""
    with _guard:
        lock = _locks.setdefault(container, threading.Lock())
    with lock:
        yield
