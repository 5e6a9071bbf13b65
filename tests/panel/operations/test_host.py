"""What every operation goes through on its host: once, told, ended in exactly one way. Real broker, real engine."""

import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import CommandNotFound, Engine, InvalidSpec, NotFound, Step
from panel.operations import host, payload, signals, work
from panel.operations.host import Verb, perform
from panel.operations.journal import Journal
from panel.operations.work import Outcome, Work
from tests.panel.conftest import Queue

ID = "cd" * 32


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's folders of its own."""
    engine = Engine(tmp_path, tmp_path / "run")
    monkeypatch.setattr(work, "host_engine", lambda: engine)
    monkeypatch.setattr(host, "journal", lambda: Journal(tmp_path / "operations"))
    return tmp_path


def run(function: Callable[..., Outcome], operation: str | None = None, **arguments: Any) -> str:
    operation = operation or str(uuid.uuid4())
    perform(operation, Verb(function), arguments)
    return operation


def finished(queue: Queue) -> list[dict[str, Any]]:
    return [arguments for task, arguments in queue("panel") if task == "operations.finished"]


def greet(work: Work, name: str, times: int = 1) -> Outcome:
    return Outcome(result={"greeting": f"hello {name}" * times})


def test_an_operation_is_done_and_its_outcome_reported(queue: Queue) -> None:
    operation = run(greet, name="you")

    assert finished(queue) == [
        {
            "host": "local",
            "operation": operation,
            "outcome": "done",
            "error": None,
            "result": {"greeting": "hello you"},
            "containers": [],
            "removed": [],
            "images": None,
        }
    ]


def test_a_repeated_task_is_answered_from_the_journal_and_not_done_again(queue: Queue) -> None:
    calls = []

    def count(work: Work) -> Outcome:
        calls.append(1)
        return Outcome(result={"n": len(calls)}, removed=[ID])

    operation = run(count)
    run(count, operation)

    assert calls == [1]
    first, second = finished(queue)
    assert first == second


def test_a_task_that_comes_while_it_is_under_way_is_left_to_the_first(queue: Queue) -> None:
    begun, may_end = threading.Event(), threading.Event()
    calls = []

    def slow(work: Work) -> Outcome:
        calls.append(1)
        begun.set()
        may_end.wait(10)
        return Outcome()

    operation = str(uuid.uuid4())
    first = threading.Thread(target=run, args=(slow, operation))
    first.start()
    begun.wait(10)
    run(slow, operation)
    may_end.set()
    first.join()

    assert calls == [1]
    assert len(finished(queue)) == 1


def test_an_engine_error_is_a_failure_with_its_cause(queue: Queue) -> None:
    def fail(work: Work) -> Outcome:
        raise CommandNotFound("there is no sl", hint="Did you mean ls?")

    run(fail)

    report = finished(queue)[0]
    assert report["outcome"] == "failed"
    assert report["error"] == {
        "code": "command-not-found",
        "message": "there is no sl",
        "hint": "Did you mean ls?",
    }


def test_an_error_nobody_expected_is_a_failure_too(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    def fail(work: Work) -> Outcome:
        raise ZeroDivisionError("oops")

    run(fail)

    report = finished(queue)[0]
    assert report["outcome"] == "failed"
    assert (report["error"]["code"], report["error"]["message"]) == ("unexpected", "ZeroDivisionError: oops")
    assert "oops" in caplog.text


def test_a_cancelled_operation_is_not_begun(queue: Queue) -> None:
    operation = str(uuid.uuid4())
    signals.request_cancel(operation)

    run(greet, operation, name="you")

    assert finished(queue)[0]["outcome"] == "cancelled"


def test_a_long_operation_tells_that_it_has_started_and_how_far_it_is(queue: Queue) -> None:
    def work_long(work: Work) -> Outcome:
        threading.Event().wait(host.TELL_STARTED_AFTER_S * 2)
        for current in range(50):
            work.progress([Step("unpack", "running", current, 50, "files")])
        work.progress([Step("unpack", "done", 50, 50, "files")])
        return Outcome()

    run(work_long)

    tasks = [task for task, _ in queue("panel")]
    assert tasks == ["operations.started", "operations.progress", "operations.progress", "operations.finished"]
    assert queue("panel")[2][1]["steps"][0]["current"] == 50


def test_verbs_on_one_container_do_not_overlap(queue: Queue) -> None:
    at_once, most = 0, 0
    guard = threading.Lock()

    def verb(work: Work, id: str) -> Outcome:  # noqa: A002
        nonlocal at_once, most
        with guard:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.02)
        with guard:
            at_once -= 1
        return Outcome()

    threads = [threading.Thread(target=run, args=(verb,), kwargs={"id": ID}) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 1
    assert len(finished(queue)) == 5


@pytest.mark.parametrize(
    "arguments",
    [{}, {"name": 1}, {"name": "x", "times": "2"}, {"name": "x", "times": True}, {"name": "x", "more": 1}],
)
def test_arguments_of_another_form_are_refused(queue: Queue, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidSpec):
        payload.check(greet, arguments)

    run(greet, **arguments)
    assert finished(queue)[0]["error"]["code"] == "invalid-spec"


def test_whole_numbers_are_seconds_too() -> None:
    def wait(work: Work, timeout_s: float | None = None) -> Outcome:
        return Outcome()

    payload.check(wait, {"timeout_s": 3})
    payload.check(wait, {"timeout_s": None})


def test_an_upload_that_is_gone_is_told(queue: Queue) -> None:
    from panel.images.tasks import load

    operation = str(uuid.uuid4())
    load(operation=operation, upload=str(uuid.uuid4()))

    assert finished(queue)[0]["error"]["code"] == NotFound.code


def test_a_cancelled_load_clears_its_upload_away(home: Path, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    from panel.environment import Environment
    from panel.images.tasks import load

    upload, operation = str(uuid.uuid4()), str(uuid.uuid4())
    path = Environment.from_env().home / "images" / "incoming" / upload
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 10_000)
    signals.request_cancel(operation)

    load(operation=operation, upload=upload)

    assert finished(queue)[0]["outcome"] == "cancelled"
    assert not path.exists()


def test_an_operation_without_a_proper_id_is_refused() -> None:
    from panel.containers.tasks import start

    with pytest.raises(InvalidSpec):
        start(operation="../../etc/passwd", id=ID)


def test_the_journal_forgets_what_is_older_than_a_week(home: Path) -> None:
    journal = Journal(home / "operations")
    journal.note("one", {"status": "done"})

    assert journal.prune() == 0
    assert journal.prune(now=(home / "operations" / "one").stat().st_mtime + 8 * 24 * 3600) == 1
    assert journal.recall("one") is None


def test_an_end_that_cannot_be_noted_is_told_all_the_same(home: Path, queue: Queue) -> None:
    (home / "operations").write_text("a file where the folder should be")

    run(greet, name="you")

    assert finished(queue)[0]["outcome"] == "done"


def test_a_note_cut_short_by_a_crash_counts_as_none(home: Path) -> None:
    journal = Journal(home / "operations")
    journal.note("one", {"status": "done"})
    (home / "operations" / "one").write_text('{"sta')

    assert journal.recall("one") is None
