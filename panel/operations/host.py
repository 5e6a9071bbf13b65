"""What every operation goes through on its host: done once, told step by step, ended in exactly one way.

`@operation("containers.start")` makes a Celery task of a function that takes a `Work` and the payload's own arguments
and returns an `Outcome`. Imports no Django: the host never sees the database.
"""

import functools
import inspect
import logging
import re
import threading
import types
import typing
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Concatenate, ParamSpec

import redis
from celery import shared_task

from engine import Cancelled, Engine, EngineError, InvalidSpec, NotFound, Step
from panel.environment import Environment
from panel.operations import reports, signals
from panel.operations.journal import Journal
from panel.operations.throttle import Throttle

logger = logging.getLogger(__name__)

P = ParamSpec("P")
JSON = dict[str, Any]

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TELL_STARTED_AFTER_S = 0.1  # most verbs are done by then, and one report fewer is one write fewer at the panel
PROGRESS_EVERY_S = 0.25


@dataclass(frozen=True)
class Outcome:
    """What an operation brought: `containers` are states that changed, `removed` ids that are gone, `images` is the
    host's whole list if it changed."""

    result: JSON | None = None
    containers: Sequence[JSON] = ()
    removed: Sequence[str] = ()
    images: Sequence[JSON] | None = None


@dataclass(frozen=True)
class Ending:
    """How it ended: `status` is done, failed or cancelled; `error` is an engine error as JSON."""

    status: str
    outcome: Outcome = field(default_factory=Outcome)
    error: JSON | None = None


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

    def is_cancelled(self) -> bool:
        """Whether somebody asked for it to stop. While the broker is away nobody can."""
        try:
            return signals.is_cancel_requested(self.operation)
        except redis.RedisError as error:
            logger.warning("operation %s: cannot ask whether to stop: %s", self.operation, error)
            return False


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
            if not UUID.fullmatch(operation):
                raise InvalidSpec("operation", f"{operation[:40]!r} is not an operation's id")
            perform(operation, verb, arguments)

        return task

    return decorate


def perform(operation: str, verb: Verb, arguments: JSON) -> None:
    """Do the operation unless it is under way or done already, and report how it ended."""
    with _claim(operation) as is_ours:
        if not is_ours:
            return
        ending = _recall(operation)
        if ending is None:
            ending = _do(Work(operation), verb, arguments)
            journal().note(operation, _notable(ending))
        reports.send_surely(
            "operations.finished",
            operation=operation,
            outcome=ending.status,
            error=ending.error,
            **asdict(ending.outcome),
        )


def _do(work: Work, verb: Verb, arguments: JSON) -> Ending:
    container = arguments.get("id")
    now = datetime.now(UTC).isoformat()
    told = threading.Timer(
        TELL_STARTED_AFTER_S, reports.send, ("operations.started",), {"operation": work.operation, "at": now}
    )
    told.daemon = True
    told.start()
    try:
        check_form(verb.function, arguments)
        with _locked(container if verb.is_exclusive else None):
            if not verb.asks_itself and work.is_cancelled():
                raise Cancelled("it was taken back before it began")
            return Ending("done", verb.function(work, **arguments))
    except Cancelled as error:
        return Ending("cancelled", _observe(container), error.to_json())
    except EngineError as error:
        return Ending("failed", _observe(container), error.to_json())
    except Exception as error:
        logger.exception("operation %s failed in a way nobody expected", work.operation)
        return Ending("failed", _observe(container), _unexpected(error))
    finally:
        told.cancel()


def check_form(function: Callable[..., Outcome], arguments: JSON) -> None:
    """The arguments are exactly those the task knows, each of its type; InvalidSpec names the first that is not."""
    try:
        inspect.signature(function).bind(None, **arguments)
    except TypeError as error:
        raise InvalidSpec("payload", str(error)) from error
    hints = typing.get_type_hints(function)
    for name, value in arguments.items():
        if not _is_of(value, hints[name]):
            raise InvalidSpec(name, f"{str(value)[:80]!r} is not of the type {hints[name]}")


def _is_of(value: object, hint: Any) -> bool:
    """Whether a JSON value is what an annotation (`str`, `float | None`, `dict[str, Any]`) asks for."""
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    plain = {typing.get_origin(kind) or kind for kind in kinds}
    return type(value) in plain or (float in plain and type(value) is int)


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
        return Outcome(containers=[host_engine().state(container).to_json()])
    except NotFound:
        return Outcome()
    except EngineError as error:
        logger.warning("the state of container %s cannot be told: %s", container, error)
        return Outcome()


def _recall(operation: str) -> Ending | None:
    """How it ended when it was done before, with the states and images of now: the noted ones may be overtaken."""
    note = journal().recall(operation)
    if note is None:
        return None
    outcomes = [_observe(container) for container in note["containers"]]
    images = [image.to_json() for image in host_engine().images()] if note["has_images"] else None
    states = [state for outcome in outcomes for state in outcome.containers]
    return Ending(note["status"], Outcome(note["result"], states, note["removed"], images), note["error"])


def _notable(ending: Ending) -> JSON:
    outcome = ending.outcome
    return {
        "status": ending.status,
        "error": ending.error,
        "result": outcome.result,
        "containers": [state["id"] for state in outcome.containers],
        "removed": list(outcome.removed),
        "has_images": outcome.images is not None,
    }


@functools.cache
def host_engine() -> Engine:
    """The engine of this host."""
    environment = Environment.from_env()
    return Engine(environment.home, environment.run)


def journal() -> Journal:
    """What this host has finished."""
    return Journal(Environment.from_env().home / "operations")


_under_way: set[str] = set()
_locks: "weakref.WeakValueDictionary[str, threading.Lock]" = weakref.WeakValueDictionary()
_guard = threading.Lock()


@contextmanager
def _claim(operation: str) -> Iterator[bool]:
    """Whether this thread may do it; false while another one is at it."""
    with _guard:
        is_ours = operation not in _under_way
        _under_way.add(operation)
    try:
        yield is_ours
    finally:
        if is_ours:
            _under_way.discard(operation)


@contextmanager
def _locked(container: Any) -> Iterator[None]:
    """One verb at a time on one container."""
    if not isinstance(container, str):
        yield
        return
    with _guard:
        lock = _locks.setdefault(container, threading.Lock())
    with lock:
        yield
