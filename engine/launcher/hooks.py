"""Runs a bundle's hooks: programs that get the container's state on their standard input.

runtime-spec's config.md, "POSIX-platform Hooks". Imported only where there are any: what few containers need, no
launcher carries.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps each number in an enum
import json
import os
import subprocess

from engine.errors import EngineError, KernelError
from engine.launcher.failure import HOOK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol

    class Hook(Protocol):
        """A bundle's own (`engine/spec/runtime/hooks.py`), or that of a plan (`hook_forms.Hook`)."""

        @property
        def path(self) -> str: ...
        @property
        def args(self) -> Sequence[str]: ...
        @property
        def env(self) -> Sequence[str]: ...
        @property
        def timeout(self) -> int | None: ...


_LAST_WORDS = 1024


def run(phase: str, hooks: Sequence[Hook], state: dict[str, Any], *, enter: Callable[[], None] | None = None) -> None:
    """Run the hooks of one phase in their order, in the bundle's folder; `enter` is called in each one's process first.

    Raises EngineError naming the first that cannot be run, fails, or takes longer than its timeout; it is killed then.
    """
    for index, hook in enumerate(hooks):
        run_one(f"{phase} hook #{index} ({hook.path})", hook, state, enter=enter)


def run_on_the_way(phase: str, hooks: Sequence[Hook], state: dict[str, Any], enter: Callable[[], None]) -> None:
    """`run` in a container's first process. A hook need not read its state; the program gets SIGPIPE back as it was.

    Raises KernelError, which `failure.explain` makes that of `run` again.
    """
    _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)
    try:
        run(phase, hooks, state, enter=enter)
    except EngineError as error:
        raise KernelError(HOOK, 0, error.message) from None
    finally:
        _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)


def run_one(name: str, hook: Hook, state: dict[str, Any], *, enter: Callable[[], None] | None = None) -> None:
    """Run one hook; `name` is what it is called in an error. Raises as `run`."""
    try:
        ended = subprocess.run(
            list(hook.args) or [hook.path],
            executable=hook.path,
            env=dict(entry.split("=", 1) for entry in hook.env if "=" in entry),
            input=json.dumps(state).encode(),
            capture_output=True,
            timeout=hook.timeout,
            cwd=None if enter else state["bundle"],
            preexec_fn=enter,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EngineError(f"{name} took longer than {hook.timeout} s and was killed") from None
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineError(f"{name} cannot be run: {error}") from error
    if ended.returncode:
        said = (ended.stdout + ended.stderr)[-_LAST_WORDS:].replace(b"\0", b" ")  # which would end a message's field
        words = b" ".join(said.split()).decode(errors="replace")
        raise EngineError(f"{name} failed with {_status(ended.returncode)}: {words}")


def _status(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def stay() -> None:
    """For `enter`: the hook is to be where its caller is."""


def enter_root(root_fd: int, folder: str) -> Callable[[], None]:
    """For `enter`: make the folder `root_fd` is open on the root, and go to `folder` in it."""

    def enter() -> None:
        os.fchdir(root_fd)
        os.chroot(".")
        os.chdir(folder)

    return enter
