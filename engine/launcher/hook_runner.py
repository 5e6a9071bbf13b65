"""Runs hooks for births and shims, in processes of their own, of which nothing is left whoever is killed meanwhile.

A birth, which is to lose the host's namespaces and rights, forks a helper that keeps them. Each phase is run by a child
of it, since that may enter the container's namespaces. createContainer hooks do: all but the user namespace, in which
nobody could read a bundle that is root's alone. They get the host's id of root inside, so that what they make belongs
to that, and every right of the host's root.

Who watches a phase ends it with everything in its process group when whom it is run for has ended.
"""

from __future__ import annotations

import _socket
import os
import select
import sys
from contextlib import contextmanager
from functools import partial

from engine.errors import EngineError
from engine.launcher import hooks, link, messages
from engine.launcher.seen_outside import seen_outside
from engine.launcher.zygote import live
from engine.sys import capabilities, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import NoReturn

    from engine.launcher.hook_forms import Hook, Hooks

CREATE_RUNTIME, CREATE_CONTAINER, POSTSTART, POSTSTOP = "createRuntime", "createContainer", "poststart", "poststop"
_NAMESPACES = (
    process.CLONE_NEWNS
    | process.CLONE_NEWCGROUP
    | process.CLONE_NEWUTS
    | process.CLONE_NEWIPC
    | process.CLONE_NEWPID
    | process.CLONE_NEWNET
)


class Runner:
    """What is done by a process that is forked for one phase; `rootfs` and `owner` are `Outside`'s."""

    def __init__(self, wanted: Hooks, rootfs: str, owner: int) -> None:
        self._wanted, self._rootfs, self._owner = wanted, rootfs, owner

    def run(self, phase: str, pid: int, inner_pid: int, old_root: int) -> None:
        """Run what is due in `phase`, which also means prestart hooks if it is createRuntime.

        The first process is `pid`, `inner_pid` as it is seen inside, where its descriptor `old_root` is the host's
        root. Raises EngineError for the first hook that failed, OSError.
        """
        wanted = self._wanted
        if phase == CREATE_CONTAINER:
            with self._inside(pid, old_root) as enter:
                self._run(phase, wanted.create_container, inner_pid, "creating", enter)
        elif phase == CREATE_RUNTIME:
            self._run("prestart", wanted.prestart, pid, "creating")
            self._run(phase, wanted.create_runtime, pid, "creating")
        elif phase == POSTSTART:
            self._run(phase, wanted.poststart, pid, "running")
        else:
            run_poststop(wanted, lambda words: print(f"moorage-launcher: {words}", file=sys.stderr, flush=True))

    def _run(
        self, phase: str, listed: Sequence[Hook], pid: int, status: str, enter: Callable[[], None] | None = None
    ) -> None:
        hooks.run(phase, listed, self._wanted.state | {"pid": pid, "status": status}, enter=enter)

    @contextmanager
    def _inside(self, pid: int, old_root: int) -> Iterator[Callable[[], None]]:
        """Be where the first process is; gives the way back to the host's root, where the bundle is, for hooks."""
        host_root = os.open(f"/proc/{pid}/fd/{old_root}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        has_clocks = os.path.exists("/proc/self/ns/time")
        process.setns(os.pidfd_open(pid), _NAMESPACES | (process.CLONE_NEWTIME if has_clocks else 0))
        os.fchdir(root)
        os.chroot(".")
        if self._owner:
            _become(self._owner)
        with seen_outside(host_root, self._rootfs):
            yield hooks.enter_root(host_root, self._wanted.state["bundle"])


def _become(owner: int) -> None:
    """Take the ids of root inside, and keep every right this process has, over execve(2) too (capabilities(7))."""
    _, permitted, _ = capabilities.capget()
    process.prctl(process.PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(owner, owner, owner)
    os.setresuid(owner, owner, owner)
    capabilities.capset(permitted, permitted, permitted)
    capabilities.raise_ambient(permitted, capabilities.last_cap())


def serve(birth: _socket.socket, needed: list[int], host_mounts: int, runner: Runner) -> NoReturn:
    """The life of a helper: runs the phases that `birth` asks for, which ends with it.

    `needed` are pidfds of those without whom no phase goes on, `host_mounts` is the host's mount namespace.
    """
    process.setns(host_mounts, process.CLONE_NEWNS)
    process.keep_only(birth.fileno(), *needed)
    while message := link.receive(birth)[0]:
        _, (phase, *numbers) = messages.unpack(message)
        answer = watched(partial(_answer, runner, phase, *map(int, numbers)), needed)
        told = answer or messages.pack(messages.FAILED, f"Who ran the {phase} hooks was killed.")
        link.answer(birth, told, [])
    os._exit(0)


def _answer(runner: Runner, phase: str, *numbers: int) -> bytes:
    try:
        runner.run(phase, *numbers)
    except EngineError as error:
        _end_children()
        return messages.pack(messages.FAILED, error.message)
    except OSError as error:
        return messages.pack(messages.FAILED, f"{phase} hooks cannot be run: {error}")
    return messages.GO


def run_poststop(wanted: Hooks, tell: Callable[[str], None]) -> bytes:
    """Run the poststop hooks; `tell` is told of each that failed, which keeps none from being run. Answers GO."""
    state = wanted.state | {"pid": 0, "status": "stopped"}
    for index, hook in enumerate(wanted.poststop):
        try:
            hooks.run_one(f"{POSTSTOP} hook #{index} ({hook.path})", hook, state)
        except EngineError as error:
            _end_children()
            tell(error.message)
    return messages.GO


def watched(work: Callable[[], bytes], needed: list[int]) -> bytes:
    """What a child answers that does the work; empty if it is killed, and then nothing is left of it.

    As soon as a process of the pidfds `needed` has ended, everything in this process's group does.
    """
    process.prctl(process.PR_SET_CHILD_SUBREAPER, 1)
    answer, ours = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        live(_do, work, ours)
    os.close(ours)
    pidfd = os.pidfd_open(child)
    if pidfd not in select.select([pidfd, *needed], (), ())[0]:
        process.kill_group(0)
    os.close(pidfd)
    if os.waitpid(child, 0)[1]:
        _end_children()
    try:
        return os.read(answer, messages.MAXIMUM_MESSAGE)
    finally:
        os.close(answer)


def _do(work: Callable[[], bytes], answer: int) -> NoReturn:
    process.prctl(process.PR_SET_CHILD_SUBREAPER, 1)
    os.write(answer, work())
    os._exit(0)


def _end_children() -> None:
    """What hooks that failed, took too long, or whose runner was killed have begun: it comes to the subreaper."""
    while True:
        process.kill_children()
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
