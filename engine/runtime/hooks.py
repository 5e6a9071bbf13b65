"""Runs a bundle's hooks: programs that get the container's state on their standard input.

runtime-spec's config.md, "POSIX-platform Hooks".
"""

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

from engine.errors import EngineError
from engine.spec.runtime import Hook

_LAST_WORDS = 1024


def run(phase: str, hooks: tuple[Hook, ...], state: dict[str, Any], *, enter: Callable[[], None] | None = None) -> None:
    """Run the hooks of one phase in their order, in the bundle's folder; `enter` is called in each one's process first.

    Raises EngineError naming the first that cannot be run, fails, or takes longer than its timeout; it is killed then.
    """
    for index, hook in enumerate(hooks):
        run_one(f"{phase} hook #{index} ({hook.path})", hook, state, enter=enter)


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
        words = b" ".join((ended.stdout + ended.stderr)[-_LAST_WORDS:].split()).decode(errors="replace")
        raise EngineError(f"{name} failed with {_status(ended.returncode)}: {words}")


def _status(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def enter_root(root_fd: int, folder: str) -> Callable[[], None]:
    """For `enter`: make the folder `root_fd` is open on the root, and go to `folder` in it."""

    def enter() -> None:
        os.fchdir(root_fd)
        os.chroot(".")
        os.chdir(folder)

    return enter
