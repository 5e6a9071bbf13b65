"""`python -m engine.launcher SOCKET`: the launcher as a process of its own."""

import fcntl
import os
import sys

from engine.launcher.launcher import Launcher
from engine.sys import process
from engine.sys.sealing import seal


def main() -> None:
    """Take the lock beside the socket, so that there is one launcher for it, and serve."""
    seal()
    process.set_name("moorage-launch")
    path = sys.argv[1]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"moorage-launcher: another launcher already serves {path}")
    process.reset_internal_signals(os.uname().machine)
    Launcher(path).serve()


if __name__ == "__main__":
    main()
