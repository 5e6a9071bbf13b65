"""run: create and start in one, and, unless detached, stay until the program has ended."""

import os
import signal
from pathlib import Path

from engine.runtime import consoles, create, delete, start
from engine.runtime.create import Options
from engine.runtime.diary import Diary
from engine.runtime.store import Store

_PASSED_ON = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2),
    *(signal.SIGCONT, signal.SIGALRM),
)


def run(store: Store, diary: Diary, container_id: str, bundle: Path, options: Options, *, keep: bool) -> int:
    """The program's exit code, 128+n after a death by signal n, 0 when detached. Raises as create and start."""
    container, terminal = create.create(store, diary, container_id, bundle, options)
    try:
        start.start(store, container_id)
    except BaseException:
        delete.delete(store, diary, container_id, is_forced=True)
        raise
    if options.is_detached:
        return 0
    code = wait(container.pid, terminal)
    if not keep:
        delete.delete(store, diary, container_id, is_forced=True)
    return code


def wait(pid: int, terminal: int | None) -> int:
    """Stay until the child has ended, passing on signals and, with a terminal, what is typed and shown."""
    before = {number: signal.signal(number, lambda got, _: _pass_on(pid, got)) for number in _PASSED_ON}
    try:
        status: list[int] = []

        def has_ended() -> bool:
            if not status and (found := os.waitpid(pid, os.WNOHANG))[0]:
                status.append(found[1])
            return bool(status)

        if terminal is not None:
            consoles.show(terminal, has_ended)
            os.close(terminal)
        return code_of(status[0] if status else os.waitpid(pid, 0)[1])
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def _pass_on(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def code_of(status: int) -> int:
    """The exit code a shell would give for a wait status."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
