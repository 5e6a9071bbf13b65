"""Who asked for the end of a run: written before the signal is sent, read by the shim when the run has ended.

`asked.json` in the container's folder. A shim that finds its run in it does not start the container again.
"""

import json
import os
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.container import full_disk
from engine.errors import StorageFull
from engine.launcher import policy, records
from engine.spec import codec
from engine.spec.death import Request
from engine.sys import disk, names

_UNFINISHED_S = 60.0


@dataclass(frozen=True)
class Asker:
    """What the caller is at, and what he says of himself: both are kept with the end that follows."""

    verb: str
    by: str = ""


def write(folder: Path, asker: Asker, *, run: int, signal: int | None, ends: bool) -> None:
    """Note the request. One that only may lead to an end does not take the place of one for the end itself.

    Raises StorageFull.
    """
    before = read(folder)
    if before is not None and before.run == run and before.ends and not ends:
        return
    request = Request(run, asker.verb, asker.by, names.signal_name(signal) if signal else "", records.now(), ends)
    try:
        _write(folder, request)
    except OSError as error:
        # Unnoted the end is as good as any, unless a restart policy has to be told that it was asked for.
        if error.errno not in disk.ERRORS:
            raise
        if full_disk.make_room(folder):
            write(folder, asker, run=run, signal=signal, ends=ends)
        elif ends and policy.read(str(folder))[0] != "no":
            raise StorageFull(
                "The disk has no room for a note that the end of the container was asked for.",
                hint="Without it the container would be started again. Make room on the disk.",
            ) from error


def _write(folder: Path, request: Request) -> None:
    # Verbs of several processes may be at it at once: kill does not wait for the stop it cuts short.
    fresh = folder / f"asked.json.{os.getpid()}-{threading.get_ident()}.new"
    try:
        fresh.write_text(json.dumps(asdict(request)))
        os.rename(fresh, folder / "asked.json")
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def read(folder: Path) -> Request | None:
    """The last request, None when there was none."""
    try:
        return codec.from_json(Request, json.loads((folder / "asked.json").read_bytes()), where="asked")
    except FileNotFoundError:
        return None


def forget_unfinished(folder: Path) -> None:
    """Remove what writers that were killed have left; one that is at it just now has begun a moment ago."""
    for path in folder.glob("asked.json.*.new"):
        if time.time() - path.stat().st_mtime > _UNFINISHED_S:
            path.unlink()


def withdraw(folder: Path) -> None:
    """The end was asked for and never came about; when it comes it is again nobody's wish.

    What the shim asks for itself it sees to.
    """
    request = read(folder)
    if request is not None and request.verb not in ("expire", policy.UNHEALTHY):
        (folder / "asked.json").unlink(missing_ok=True)
