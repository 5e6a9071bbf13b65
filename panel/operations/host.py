"""What every operation goes through on its host: done once, told step by step, ended in exactly one way.

`@operation("containers.start")` makes a Celery task of a function that takes a `Work` and the payload's own arguments
and returns an `Outcome`. Imports no Django: the host never sees the database.
"""

import functools
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Concatenate, ParamSpec

from celery import shared_task

from engine import Cancelled, EngineError, NotFound
from panel.environment import Environment
from panel.images.told import told
from panel.operations import exclusion, payload, reports, work
from panel.operations.journal import Journal
from panel.operations.work import JSON, Outcome, Work

logger = logging.getLogger(__name__)

P = ParamSpec("P")
TELL_STARTED_AFTER_S = 0.1  # most verbs are done by then, and one report fewer is one write fewer at the panel


@dataclass(frozen=True)
class Ending:
    """How it ended: `status` is done, failed or cancelled; `error` is an engine error as JSON."""

    status: str
    outcome: Outcome
    error: JSON | None = None


@dataclass(frozen=True)
class Verb:
    """What a task does. Exclusive ones about the same container (`id`) run one after the other.

    One that asks itself whether to stop is begun even when it was taken back before: it has something to clear away.
    """

    function: Callable[..., Outcome]
    is_exclusive: bool = True
    asks_itself: bool = False


def operation(
    name: str, *, is_exclusive: bool = True, asks_itself: bool = False
) -> Callable[[Callable[Concatenate[Work, P], Outcome]], Any]:
    """Make the Celery task `name`; see `Verb`."""

    def decorate(function: Callable[Concatenate[Work, P], Outcome]) -> Any:
        verb = Verb(function, is_exclusive, asks_itself)

        @shared_task(name=name, ignore_result=True)
        @functools.wraps(function)
        def task(*, operation: str, **arguments: Any) -> None:
            payload.check_uuid("operation", operation)
            perform(operation, verb, arguments)

        return task

    return decorate


def perform(operation: str, verb: Verb, arguments: JSON) -> None:
    """Do the operation unless it is under way or done already, and report how it ended."""
    with exclusion.claimed(operation) as is_ours:
        if not is_ours:
            return
        ending = _recall(operation)
        if ending is None:
            ending = _do(Work(operation), verb, arguments)
            _note(operation, ending)
        reports.send_surely(
            "operations.finished",
            operation=operation,
            outcome=ending.status,
            error=ending.error,
            **asdict(ending.outcome),
        )


def _do(task: Work, verb: Verb, arguments: JSON) -> Ending:
    container = arguments.get("id")
    is_alone = verb.is_exclusive and isinstance(container, str)
    try:
        payload.check(verb.function, arguments)
        with _told(task.operation), exclusion.locked(str(container)) if is_alone else nullcontext():
            if not verb.asks_itself and task.is_cancelled():
                raise Cancelled("it was taken back before it began")
            return Ending("done", verb.function(task, **arguments))
    except Cancelled as error:
        return Ending("cancelled", _observe(container), error.to_json())
    except EngineError as error:
        return Ending("failed", _observe(container), error.to_json())
    except Exception as error:
        logger.exception("operation %s failed in a way nobody expected", task.operation)
        return Ending("failed", _observe(container), _unexpected(error))


@contextmanager
def _told(operation: str) -> Iterator[None]:
    """Tell the panel that it has started, if it is still under way in a moment."""
    report = {"operation": operation, "at": datetime.now(UTC).isoformat()}
    telling = threading.Timer(TELL_STARTED_AFTER_S, reports.send, ("operations.started",), report)
    telling.daemon = True
    telling.start()
    try:
        yield
    finally:
        telling.cancel()


def _unexpected(error: Exception) -> JSON:
    return {
        "code": "unexpected",
        "message": f"{type(error).__name__}: {error}",
        "hint": "This is a fault of Moorage's; the host worker's log holds the details.",
    }


def _observe(container: Any) -> Outcome:
    """The state of the container a failed operation was about, so that the panel sees what it left."""
    if not isinstance(container, str):
        return Outcome()
    try:
        return Outcome(containers=[work.host_engine().state(container).to_json()])
    except NotFound:
        return Outcome()
    except EngineError as error:
        logger.warning("the state of container %.64s cannot be told: %s", container, error)
        return Outcome()


def journal() -> Journal:
    """What this host has finished."""
    return Journal(Environment.from_env().home / "operations")


def _note(operation: str, ending: Ending) -> None:
    """Remember the end. A full disk must not keep it from being told."""
    outcome = ending.outcome
    note = {
        "status": ending.status,
        "error": ending.error,
        "result": outcome.result,
        "containers": [state["id"] for state in outcome.containers],
        "removed": list(outcome.removed),
        "has_images": outcome.images is not None,
    }
    try:
        journal().note(operation, note)
    except OSError as error:
        logger.warning("operation %s would be done again if it came again: %s", operation, error)


def _recall(operation: str) -> Ending | None:
    """How it ended when it was done before, with the states and images of now: the noted ones may be overtaken.

    None if it was not, and for a note that cannot be read: every verb may be done again.
    """
    try:
        note = journal().recall(operation)
        if note is None:
            return None
        states = [state for container in note["containers"] for state in _observe(container).containers]
        images = [told(image) for image in work.host_engine().images()] if note["has_images"] else None
        return Ending(note["status"], Outcome(note["result"], states, note["removed"], images), note["error"])
    except (OSError, KeyError, TypeError, EngineError) as error:
        logger.warning("operation %s is done again, its note cannot be used: %s", operation, error)
        return None
