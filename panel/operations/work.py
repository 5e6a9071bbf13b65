"""What a task sees while it works on a host, and what it hands back."""

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis

from engine import Cancelled, Engine, Step
from panel.environment import Environment
from panel.operations import reports, signals
from panel.operations.throttle import Throttle

logger = logging.getLogger(__name__)

JSON = dict[str, Any]
PROGRESS_EVERY_S = 0.25


@dataclass(frozen=True)
class Outcome:
    """What an operation brought, all as JSON.

    `containers` are states that changed, `removed` ids that are gone, `images` is the host's whole list if it changed.
    """

    result: JSON | None = None
    containers: Sequence[JSON] = ()
    removed: Sequence[str] = ()
    images: Sequence[JSON] | None = None


class Work:
    """One operation under way."""

    def __init__(self, operation: str) -> None:
        self.operation = operation
        self._throttle = Throttle(PROGRESS_EVERY_S)

    @property
    def engine(self) -> Engine:
        """This host's engine."""
        return host_engine()

    def progress(self, steps: Sequence[Step]) -> None:
        """Tell how far it has come; a report that comes too soon after the last is left out, the end's never."""
        is_end = all(step.status in ("done", "failed") for step in steps)
        if self._throttle.passes() or is_end:
            told = [step.to_json() for step in steps]
            reports.send("operations.progress", operation=self.operation, steps=told)

    def stop_if_cancelled(self) -> None:
        """Raise Cancelled if somebody asked for it to stop."""
        if self.is_cancelled():
            raise Cancelled("it was cancelled")

    def is_cancelled(self) -> bool:
        """Whether somebody asked for it to stop. While the broker is away nobody can."""
        try:
            return signals.is_cancel_requested(self.operation)
        except redis.RedisError as error:
            logger.warning("operation %s: cannot ask whether to stop: %s", self.operation, error)
            return False


@functools.cache
def host_engine() -> Engine:
    """The engine of this host."""
    environment = Environment.from_env()
    return Engine(environment.home, environment.run)
