"""`python -m engine.launcher SOCKET`: the launcher as a process of its own."""

import fcntl
import os
import sys

from engine.launcher.launcher import NAME, Launcher
from engine.sys import process
from engine.sys.sealing import seal


def main() -> None:
    """Take the lock beside the socket, so that there is one launcher for it, and serve."""
    seal()
    process.set_name(NAME)
    path = sys.argv[1]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"moorage-launcher: another launcher already serves {path}")
    process.reset_internal_signals(os.uname().machine)
    _let_go()
    Launcher(path).serve()


def _let_go() -> None:
    """Have no hold on what was given to read from and write to: shims inherit it, and outlive whoever gave it."""
    nothing = os.open("/dev/null", os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)


if __name__ == "__main__":
    main()
