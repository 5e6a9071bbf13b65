"""exec: one more program in a container that runs."""

import os
import secrets
import signal as signals
from contextlib import ExitStack
from pathlib import Path

from engine.container import exec_plan, exec_records, state, wait
from engine.container.exec_plan import Made, Target
from engine.container.execution import Exec
from engine.container.runtime import Runtime
from engine.errors import Conflict
from engine.launcher import client, records
from engine.spec import checks
from engine.spec.container import Status
from engine.spec.exec import ExecSpec

_STDIN = 0


def execute(runtime: Runtime, container_id: str, spec: ExecSpec, *, exec_id: str | None) -> Exec:
    """Run the program of `spec` in the container; returns when it runs.

    It is known by `exec_id`, 64 hexadecimal digits, chosen here if it is not given. Takes no lock: it is for containers
    that run, and ends with them. Raises Conflict when the container does not run, is paused, or has an exec of this id;
    InvalidSpec, CommandNotFound (127), CommandNotExecutable (126), the KernelError of the step that failed,
    LauncherUnavailable.
    """
    spec.validate()
    folder = runtime.folder(container_id)
    exec_id = exec_id or secrets.token_hex(32)
    record_folder = exec_records.folder_of(folder, exec_id)
    with ExitStack() as held:
        target = _open(folder)
        held.callback(os.close, target.pidfd)
        launcher = held.enter_context(client.connect(str(runtime.launcher)))
        made = exec_plan.make(runtime, target, spec, record_folder)
        _make_folder(target, record_folder)
        ours, theirs = _open_ends(spec, made)
        for fd in theirs:
            held.callback(os.close, fd)
        try:
            asked = exec_records.Asked(exec_id, target.run, records.now(), spec)
            launcher.begin_exec(made.entry, [target.pidfd, *theirs])
            exec_records.write_asked(record_folder, asked)  # while the program is on its way
            running = launcher.await_exec(made.entry)
        except BaseException:
            for fd in filter(None, ours):
                os.close(fd)
            raise
    stdin, stdout, stderr = ours
    return Exec(exec_id, running.pid, stdin, stdout, stderr, running.terminal, record_folder, asked, running.connection)


def kill(runtime: Runtime, container_id: str, exec_id: str, *, signal: str) -> None:
    """Signal the program. Raises Conflict when it has ended, InvalidSpec, NotFound."""
    number = checks.signal_number("signal", signal)
    folder = runtime.folder(container_id)
    exec_records.load(folder, exec_id)
    pidfd = wait.open_process(exec_records.folder_of(folder, exec_id))
    if pidfd is None:
        raise Conflict(f"Exec {exec_id} has ended.")
    try:
        signals.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        raise Conflict(f"Exec {exec_id} has ended.") from None
    finally:
        os.close(pidfd)


def _open(folder: Path) -> Target:
    current, record = state.load(folder), state.load_record(folder)
    if current.status is Status.PAUSED:
        raise Conflict(f"Container {current.name} is paused.", hint="Unpause it first.")
    pidfd = wait.open_process(folder)
    if pidfd is None:
        raise Conflict(f"Container {current.name} is not running.", hint="Start it first.")
    return Target(folder, record.cgroup, current.run, current.pid, pidfd)


def _make_folder(target: Target, record_folder: Path) -> None:
    exec_records.forget_old(target.folder)
    try:
        exec_records.make_folder(record_folder)
    except FileExistsError:
        raise Conflict(f"Container {target.folder.name} has an exec {record_folder.name} already.") from None


def _open_ends(spec: ExecSpec, made: Made) -> tuple[list[int | None], list[int]]:
    """Pipes for what is attached: the caller's ends of input, output and error, and the program's.

    They belong to the program's user, who then may open /dev/stdout and the like.
    """
    ours: list[int | None] = [None, None, None]
    theirs: list[int] = []
    if spec.terminal:
        return ours, theirs
    for number, is_attached in enumerate((spec.stdin, spec.stdout, spec.stderr)):
        if is_attached:
            reader, writer = os.pipe2(os.O_CLOEXEC)
            os.fchown(reader, made.uid, made.gid)
            mine, its = (writer, reader) if number == _STDIN else (reader, writer)
            os.set_blocking(mine, False)
            ours[number] = mine
            theirs.append(its)
    return ours, theirs
