"""What is left to do when a run is over, or never began: record it, clear its control groups, tell the agent."""

from __future__ import annotations

import _socket
import errno
import os
import time

from engine.errors import KernelError
from engine.launcher import certificate, failure, groups, messages, other_runtime, policy, records
from engine.launcher.messages import Plan
from engine.launcher.records import Exit
from engine.sys import disk

_RETRY_S = 1.0

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.errors import EngineError


def record_run(plan: Plan, status: int) -> Exit:
    """The program ran and has ended with this wait status; -1 when nobody could learn it. Returns what was recorded.

    It is safe from a power cut after `secure`, which takes the disk a while and need not keep anybody waiting.
    """
    _run_poststop(plan)
    core_dumped = status != -1 and os.WCOREDUMP(status)
    return _record(plan, _decided(plan, _exit_of(plan, status)), core_dumped=core_dumped)


def record_failure(plan: Plan, error: EngineError, *, is_restart: bool = False) -> Exit:
    """The program never ran: the end is recorded with the exit code that a shell would give.

    That is tried again only where the restart policy tried it in the first place. Else somebody waits for an answer,
    and OSError is raised where the disk takes no record.
    """
    if is_restart:
        _run_poststop(plan)
    end = _end(plan, failure.exit_code_of(error), error=error.message)
    end = _record(plan, _decided(plan, end)) if is_restart else _record(plan, end, is_patient=False)
    secure(plan)
    return end


def note(folder: str, end: Exit, *, core_dumped: bool = False, evidence: dict[str, str] | None = None) -> str:
    """Write an end down: first its certificate, so that whoever sees the end finds that too; returns the record's path.

    `evidence` is what `certificate.gather` found. Raises OSError.
    """
    certificate.write(folder, end, core_dumped, evidence or {})
    return records.write(folder, end)


def give_up(plan: Plan, end: Exit) -> None:
    """The next run that was announced with this end does not come. To be followed by `secure`."""
    _unpublish(plan)
    while not _is_written(plan.folder, end._replace(restart_ms=None)):
        time.sleep(_RETRY_S)
    _settle(plan)


def secure(plan: Plan) -> None:
    """Have the last end on the disk itself, if the container is still there."""
    try:
        records.sync(f"{plan.folder}/exit.json")
    except FileNotFoundError:
        return


def announce(plan: Plan) -> None:
    """Name the container to the host agent. Where none listens nothing is lost: it looks at all when it starts."""
    sender = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    sender.settimeout(1)
    try:
        sender.connect(plan.observed)
        sender.send(plan.id.encode())
    except (FileNotFoundError, ConnectionError, TimeoutError):
        return
    finally:
        sender.close()


def _record(plan: Plan, end: Exit, *, core_dumped: bool = False, is_patient: bool = True) -> Exit:
    if end.restart_ms is None:
        _unpublish(plan)
    if plan.other_runtime:
        other_runtime.forget(plan.other_runtime, plan.id)
    _note(plan, end, core_dumped=core_dumped, is_patient=is_patient)
    if end.restart_ms is None:
        _settle(plan)
    else:  # the groups stay as they are for the next run, with their limits
        announce(plan)
    return end


def _run_poststop(plan: Plan) -> None:
    """Before the end is recorded: a shim that takes over from one killed meanwhile runs the hooks again."""
    if plan.hooks:
        from engine.launcher import poststop  # noqa: PLC0415 - what few containers need, no shim carries

        poststop.run(plan.hooks, lambda words: _tell(plan, words))


def _unpublish(plan: Plan) -> None:
    """Give the ports back, before the end is known: after it they may be another container's."""
    if not plan.unpublish:
        return
    from engine.sys import nfnetlink  # noqa: PLC0415 - what few containers need, no shim carries

    for message in plan.unpublish:
        try:
            nfnetlink.commit([message])
        except KernelError as error:
            if error.errno != errno.ENOENT:  # it is gone already
                _tell(plan, f"a published port was not taken back: {error.message}")


def _note(plan: Plan, end: Exit, *, core_dumped: bool, is_patient: bool) -> None:
    """`note`, which makes room on the disk, or waits for it if it is patient: what is not noted never happened.

    If there is not enough, the end goes without its certificate rather than untold.
    """
    evidence = certificate.gather(plan.evidence)
    while True:
        try:
            note(plan.folder, end, core_dumped=core_dumped, evidence=evidence)
            return
        except OSError as error:
            if error.errno not in disk.ERRORS:
                raise
        if _makes_room(plan.folder):
            continue
        try:
            records.write(plan.folder, end)
            return
        except OSError as error:
            if error.errno not in disk.ERRORS or not is_patient:
                raise
        time.sleep(_RETRY_S)


def _is_written(folder: str, end: Exit) -> bool:
    """Write the record; false where the disk has no room for it, not even that of the plan."""
    try:
        records.write(folder, end)
    except OSError as error:
        if error.errno not in disk.ERRORS:
            raise
        return _makes_room(folder) and _is_written(folder, end)
    return True


def _makes_room(folder: str) -> bool:
    """Let go of the container's plan, which the engine can compile again, for what cannot be told again."""
    try:
        os.unlink(f"{folder}/{messages.COMPILED}")
    except FileNotFoundError:
        return False
    return True


def _settle(plan: Plan) -> None:
    used = groups.remove(plan.cgroups)
    if used:  # the engine's next start, or its repair, takes them
        _tell(plan, f"control groups are still in use: {', '.join(used)}")
    announce(plan)


def code_of(status: int) -> int:
    """The exit code that a shell would give for a wait status; 255 for -1, when nobody could learn it."""
    if status == -1:
        return 255
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _exit_of(plan: Plan, status: int) -> Exit:
    why = "The end of this run was seen by nobody: shim and launcher were both gone." if status == -1 else ""
    number = os.WTERMSIG(status) if status != -1 and os.WIFSIGNALED(status) else 0
    oom_killed = groups.oom_kills(plan.oom_file) > plan.oom_kills
    return _end(plan, code_of(status), signal=number, oom_killed=oom_killed, error=why)


def _end(plan: Plan, code: int, *, signal: int = 0, oom_killed: bool = False, error: str = "") -> Exit:
    return Exit(plan.run, code, signal, oom_killed, records.now(), error, plan.restarts, None)


def _decided(plan: Plan, end: Exit) -> Exit:
    """The end with what the restart policy makes of it."""
    if not policy.wants_another(plan.folder, run=end.run, exit_code=end.exit_code, restarts=end.restarts):
        return end
    return end._replace(restart_ms=policy.pause_ms(plan.restart_ms, ran_s(plan)))


def ran_s(plan: Plan) -> float:
    """How long the run has lasted; 0 for one that never began."""
    started = records.read_json(f"{plan.folder}/started.json")
    if started is None or started["run"] != plan.run:
        return 0
    return time.time() - os.stat(f"{plan.folder}/started.json").st_mtime


def _tell(plan: Plan, text: str) -> None:
    """Write a line to `shim.log` in the container's folder: the shim's standard error may be gone with the panel."""
    fd = os.open(f"{plan.folder}/shim.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, f"{records.now()} {text}\n".encode())
    finally:
        os.close(fd)
