"""Whether a container is well: runs its check every now and then, counts failures, and writes down what it finds.

`health.json` in the container's folder has one writer, the shim: `{"run", "change", "status", "failing_streak",
"log"}`. `change` counts the changes of `status` over all runs; `log` holds the last five checks.
"""

from __future__ import annotations

import _socket
import os
import select
import time

from engine.launcher import checker, ending, groups, messages, records
from engine.launcher.checker import Result
from engine.launcher.messages import Check, Plan
from engine.sys import disk, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STARTING, HEALTHY, UNHEALTHY = "starting", "healthy", "unhealthy"
_KEPT = 5
_OVERTIME_S = 10.0  # a check that is stuck on its way in has failed after this
_LAST_MS = 1000


class Health:
    """State of one run's health. `container` is the pidfd of the first process, `plan_fd` holds the plan."""

    def __init__(self, plan: Plan, plan_fd: int, check: Check, container: int) -> None:
        self._plan_fd = plan_fd
        self._folder = plan.folder
        self._groups = plan.cgroups
        self._check = check
        self._container = container
        self._began = time.monotonic() - ending.ran_s(plan)
        self._checker = 0
        self._answer: _socket.socket | None = None
        self._overdue_at = 0.0
        self._is_overdue = False
        self._known = self._load(plan)
        self._next_at = time.monotonic() + self._pause_s()

    def _load(self, plan: Plan) -> dict[str, Any]:
        """The record of this run, which another shim may have begun; else a new one."""
        known = records.read_json(f"{plan.folder}/health.json")
        if known is not None and known["run"] == plan.run:
            return known
        change = 0 if known is None else known["change"]
        fresh: dict[str, Any] = {
            "run": plan.run,
            "change": change + 1,
            "status": STARTING,
            "failing_streak": 0,
            "log": [],
        }
        self._write(fresh, is_news=True)
        return fresh

    @property
    def is_unhealthy(self) -> bool:
        """Whether as many checks have failed in a row as may."""
        return bool(self._known["status"] == UNHEALTHY)

    def timeout_s(self) -> float | None:
        """How long until there is something to do; None when it is to be heard of."""
        if self._checker:
            return None if self._is_overdue else max(0.0, self._overdue_at - time.monotonic())
        return max(0.0, self._next_at - time.monotonic())

    def act(self, poll: select.poll) -> None:
        """Begin a check that is due; count one that is stuck on its way as a failure."""
        if self._checker:
            if not self._is_overdue and time.monotonic() >= self._overdue_at:
                self._is_overdue = True
                self._take(_no_result(b"The check could not be begun in time."))
        elif time.monotonic() >= self._next_at:
            if groups.is_frozen(self._groups):
                self._next_at = time.monotonic() + self._pause_s()
            else:
                self._begin(poll)

    def hears(self, poll: select.poll, fd: int) -> bool:
        """Take the result, if that is what is ready on `fd`."""
        if self._answer is None or fd != self._answer.fileno():
            return False
        message = self._answer.recv(2 * checker.OUTPUT_BYTES)
        self._forget_checker(poll)
        if not self._is_overdue:
            self._take(checker.unpack(message) if message else _no_result(b"The check was killed."))
        return True

    def close(self) -> None:
        """The run is over: what a check would say now counts no more."""
        if self._answer is not None:
            poll = select.poll()
            poll.register(self._answer.fileno(), select.POLLIN)
            if poll.poll(_LAST_MS):  # else it is stuck, and the launcher's when this process has gone
                self._forget_checker(poll)

    def _begin(self, poll: select.poll) -> None:
        self._answer, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        self._checker = os.fork()
        if self._checker == 0:
            care = messages.unpack_care(messages.read_plan(self._plan_fd).care)
            # Not the locks above all: this process may outlive the shim.
            process.keep_only(self._container, theirs.fileno())
            checker.run(messages.unpack_entry(care.entry), self._container, self._check.timeout_s, theirs)
        theirs.close()
        self._is_overdue = False
        self._overdue_at = time.monotonic() + self._check.timeout_s + _OVERTIME_S
        poll.register(self._answer.fileno(), select.POLLIN)

    def _forget_checker(self, poll: select.poll) -> None:
        assert self._answer is not None  # noqa: S101 - both are set together
        poll.unregister(self._answer.fileno())
        self._answer.close()
        os.waitpid(self._checker, 0)
        self._answer, self._checker = None, 0
        self._next_at = time.monotonic() + self._pause_s()

    def _take(self, result: Result) -> None:
        """Docker's rules: failures at the start do not count; one success is enough to be well."""
        known = self._known
        before = known["status"]
        if result.exit_code == 0:
            known["failing_streak"], known["status"] = 0, HEALTHY
        elif before != STARTING or time.monotonic() - self._began >= self._check.start_period_s:
            known["failing_streak"] += 1
            if known["failing_streak"] >= self._check.retries:
                known["status"] = UNHEALTHY
        output = result.output.decode("utf-8", "surrogateescape")
        entry = {"start": result.start, "end": result.end, "exit_code": result.exit_code, "output": output}
        known["log"] = [*known["log"], entry][-_KEPT:]
        is_news = known["status"] != before
        known["change"] += is_news
        self._write(known, is_news=is_news)

    def _pause_s(self) -> float:
        if self._known["status"] == STARTING and time.monotonic() - self._began < self._check.start_period_s:
            return self._check.start_interval_s
        return self._check.interval_s

    def _write(self, known: dict[str, Any], *, is_news: bool) -> None:
        """A full disk keeps the record as it was: the checks go on, and the next result is written with this one."""
        try:
            records.write_json(f"{self._folder}/health.json", known)
        except OSError as error:
            if error.errno not in disk.ERRORS:
                raise
        if is_news:
            ending.announce(messages.read_plan(self._plan_fd))


def _no_result(why: bytes) -> Result:
    return Result(records.now(), records.now(), 1, why)
