"""Runs poststop hooks for a shim, which may live for long and is to stay small: a child imports all that it takes."""

from __future__ import annotations

import os

from engine.launcher import hook_forms
from engine.launcher.zygote import live
from engine.sys import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn


def run(packed: bytes, tell: Callable[[str], None]) -> None:
    """Run those of packed `Hooks`; `tell` is told of each that failed, which keeps none from being run."""
    shim = os.pidfd_open(os.getpid())
    process.prctl(process.PR_SET_CHILD_SUBREAPER, 1)  # so that what a killed watcher had begun comes here
    watcher = os.fork()
    if watcher == 0:
        live(_watch, packed, tell, shim)
    os.close(shim)
    if os.waitpid(watcher, 0)[1]:
        process.kill_group(watcher)
        _reap(watcher)
        tell("who ran the poststop hooks was killed")
    process.prctl(process.PR_SET_CHILD_SUBREAPER, 0)


def _reap(group: int) -> None:
    while True:
        try:
            os.waitpid(-group, 0)
        except ChildProcessError:
            return


def _watch(packed: bytes, tell: Callable[[str], None], shim: int) -> NoReturn:
    from functools import partial  # noqa: PLC0415 - see above

    from engine.launcher import hook_runner  # noqa: PLC0415

    os.setpgid(0, 0)
    work = partial(hook_runner.run_poststop, hook_forms.unpack(packed), tell)
    os._exit(0 if hook_runner.watched(work, [shim]) else 1)
