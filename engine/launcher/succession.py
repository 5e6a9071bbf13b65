"""What a shim does between two runs of its container: wait until the next is due, and have it born.

The pair that stands ready beside the launcher takes the container over, with its locks. Until that is certain this shim
stays responsible, whoever is killed meanwhile.
"""

from __future__ import annotations

import _socket
import os
import select
import time

from engine.launcher import ending, failure, groups, link, messages, policy, records
from engine.launcher.messages import Plan
from engine.launcher.records import Exit
from engine.sys import inotify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.launcher.shim import Shim

_RETRY_S = 1.0


def bring_next(shim: Shim, plan: Plan, end: Exit) -> bool:
    """Have the container started again after `end`; false when nobody wants that any more, which is recorded then.

    A run that cannot be started is an end like any other, and followed by the next try.
    """
    first, pause_ms = plan.run, end.restart_ms
    while pause_ms is not None:
        if not _await_turn(shim, first, end, pause_ms / 1000):
            ending.give_up(plan, end)
            return False
        groups.empty(plan.cgroups)
        following = plan._replace(
            run=end.run + 1,
            restarts=end.restarts + 1,
            restart_ms=end.restart_ms or 0,
            oom_kills=groups.oom_kills(plan.oom_file),
        )
        answer = _start(shim, following)
        if answer is None:
            time.sleep(_RETRY_S)
            pause_ms = 0
            continue
        word, fields = answer
        if word == messages.STARTED or has_begun(plan.folder, following.run):
            ending.announce(plan)
            return True
        # Without a word: the pair was killed, or failed in a way nobody expected, which the launcher tells.
        cause = failure.explain_fields(fields, plan.search_path)
        plan, end = following, ending.record_failure(following, cause, is_restart=True)
        pause_ms = end.restart_ms
    return False


def has_begun(folder: str, run: int) -> bool:
    """Whether this run, or a later one, has been recorded as started."""
    started = records.read_json(f"{folder}/started.json")
    return started is not None and started["run"] >= run


def _await_turn(shim: Shim, first: int, end: Exit, pause_s: float) -> bool:
    """Sleep until the next run is due; false as soon as it is not wanted any more, or its time to live is over.

    What is wanted is in files, so the kernel tells of every change. An end that was asked for since run `first`, the
    last this shim has seen begin, counts.
    """
    plan = messages.read_plan(shim.plan_fd)
    folder, deadline = plan.folder, plan.deadline
    changes = inotify.inotify_init1()
    try:
        inotify.inotify_add_watch(changes, folder, inotify.IN_MOVED_TO)
        poll = select.poll()
        poll.register(changes, select.POLLIN)
        shim.launcher.watch(poll)
        due = time.monotonic() + pause_s
        while policy.wants_another(folder, run=first, exit_code=end.exit_code, restarts=end.restarts):
            if deadline and time.time() >= deadline:
                return False
            left_s = due - time.monotonic()
            if left_s <= 0:
                return True
            if deadline:
                left_s = min(left_s, max(0, deadline - time.time()))
            if not shim.launcher.is_connected:
                left_s = min(left_s, _RETRY_S)
            for fd, _ in poll.poll(left_s * 1000 + 1):
                if fd == changes:
                    list(inotify.read_events(changes))
                else:
                    shim.launcher.read()
            shim.reconnect()
        return False
    finally:
        os.close(changes)


def _start(shim: Shim, plan: Plan) -> tuple[bytes, list[str]] | None:
    """Ask the launcher for the run; its answer, with an empty word if none came, or None to try again.

    So it is without a launcher, and while the engine has compiled no plan for one of another version.
    """
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    plan_fd = messages.write_plan(plan)
    try:
        connection.connect(shim.launcher.path)
    except (FileNotFoundError, ConnectionError):
        os.close(plan_fd)
        connection.close()
        return None
    try:
        link.send(connection, messages.START, [plan_fd, shim.lock, shim.log_lock])
        connection.send(messages.GO)
        answer = messages.unpack(link.receive(connection)[0])
        return None if answer[0] == messages.OTHER_VERSION else answer
    except ConnectionError:
        return b"", []
    finally:
        os.close(plan_fd)
        connection.close()
