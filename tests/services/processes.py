"""Starting a server for a test: tied to the test run's life, waited for until it answers."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

Held = TypeVar("Held")


@contextmanager
def running(command: list[str], *, log: Path, answers: Callable[[], bool], user: str | None = None) -> Iterator[None]:
    """Run a server until the block ends; it dies with the test run, however that ends. `answers` says it is up."""
    prefix = ["setpriv", "--pdeathsig", "TERM"]
    if user:
        prefix += ["--reuid", user, "--regid", user, "--init-groups"]
    with log.open("wb") as output:
        process = subprocess.Popen([*prefix, "--", *command], stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers() or process.poll() is not None, f"{command[0]} answers")
        if process.poll() is not None:
            raise RuntimeError(f"{command[0]} ended at once:\n{log.read_text(errors='replace')}")
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_until(holds: Callable[[], Held], what: str, *, timeout_s: float = 20.0) -> Held:
    """Return what `holds()` gives as soon as that is true; TimeoutError naming `what` if that does not come."""
    end = time.monotonic() + timeout_s
    while not (held := holds()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout_s:g} s in vain until: {what}")
        time.sleep(0.02)
    return held
