"""How the long-running processes say that they live: a key in the broker that fades. Imports no Django."""

import logging
import time
from collections.abc import Callable

import redis

from panel.operations.signals import client

logger = logging.getLogger(__name__)

SAY_EVERY_S = 2.0
FADES_AFTER_S = 7
"""So long does a process that was killed pass for one that lives; on a busy machine words may come late."""


def key(process: str) -> str:
    """The key of one process (`panel-worker`, `beat`, `host.local`)."""
    return f"moorage:alive:{process}"


def say(process: str, *, fades_after_s: int = FADES_AFTER_S) -> None:
    """This process lives; while the broker is away nobody hears it."""
    try:
        client().set(key(process), "1", ex=fades_after_s)
    except redis.RedisError as error:
        logger.warning("the broker does not answer: %s", error)


def every(seconds: float, beat: Callable[[int], None]) -> None:
    """Call `beat` with 0, 1, 2 … every so many seconds, for as long as the process lives; a failure is logged."""
    number = 0
    while True:
        try:
            beat(number)
        except Exception:
            logger.exception("a heartbeat failed; the next one follows")
        number += 1
        time.sleep(seconds)
