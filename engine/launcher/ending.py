"""What is left to do when a run is over, or never began: record it, clear its control groups, tell the agent."""

from __future__ import annotations

import _socket
import os
import time

from engine.launcher import certificate, failure, records
from engine.launcher.messages import Plan
from engine.launcher.records import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.errors import EngineError

_REMOVE_TRIES = 50


def record_run(plan: Plan, status: int) -> None:
    """The program ran and has ended with this wait status; -1 when nobody could learn it."""
    core_dumped = status != -1 and os.WCOREDUMP(status)
    _record(plan, _exit_of(plan, status, _oom_kills(plan.oom_file)), core_dumped=core_dumped)


def record_failure(plan: Plan, error: EngineError) -> None:
    """The program never ran: the end is recorded with the exit code that a shell would give."""
    code = failure.exit_code_of(error)
    _record(plan, Exit(plan.run, code, 0, False, records.now(), error.message, plan.restarts, ""))


def note(folder: str, end: Exit, *, core_dumped: bool = False, evidence: list[list[str]] | None = None) -> str:
    """Write an end down: first its certificate, so that whoever sees the end finds that too; returns the record's path.

    `evidence` names files as `certificate.gather` takes them. Raises OSError.
    """
    certificate.write(folder, end, core_dumped, certificate.gather(evidence or []))
    return records.write(folder, end)


def _record(plan: Plan, end: Exit, *, core_dumped: bool = False) -> None:
    path = note(plan.folder, end, core_dumped=core_dumped, evidence=plan.evidence)
    _remove_cgroups(plan)
    _announce(plan.observed, plan.id)
    records.sync(path)


def code_of(status: int) -> int:
    """The exit code that a shell would give for a wait status; 255 for -1, when nobody could learn it."""
    if status == -1:
        return 255
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _exit_of(plan: Plan, status: int, oom_kills: int) -> Exit:
    code, number, why = code_of(status), 0, ""
    if status == -1:
        why = "The end of this run was seen by nobody: shim and launcher were both gone."
    elif os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
    return Exit(plan.run, code, number, oom_kills > 0, records.now(), why, plan.restarts, "")


def _oom_kills(path: str) -> int:
    try:
        with open(path) as file:
            fields = dict(line.split() for line in file)
    except FileNotFoundError:
        return 0
    return int(fields.get("oom_kill", 0))


def _remove_cgroups(plan: Plan) -> None:
    """The last process may take a moment to leave; what stays is taken by the engine's next start or repair."""
    folders = plan.cgroups
    for _ in range(_REMOVE_TRIES):
        folders = [folder for folder in folders if not _rmdir(folder)]
        if not folders:
            return
        time.sleep(0.01)
    _tell(plan, f"control groups are still in use: {', '.join(folders)}")


def _tell(plan: Plan, text: str) -> None:
    """Write a line to `shim.log` in the container's folder: the shim's standard error may be gone with the panel."""
    fd = os.open(f"{plan.folder}/shim.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, f"{records.now()} {text}\n".encode())
    finally:
        os.close(fd)


def _rmdir(folder: str) -> bool:
    """Remove a group, and before it those the container made inside; false while it is in use."""
    try:
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                _rmdir(entry.path)
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _announce(path: str, container_id: str) -> None:
    """Name the container to the host agent. Where none listens nothing is lost: it looks at all when it starts."""
    sender = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    sender.settimeout(1)
    try:
        sender.connect(path)
        sender.send(container_id.encode())
    except (FileNotFoundError, ConnectionError, TimeoutError):
        return
    finally:
        sender.close()
