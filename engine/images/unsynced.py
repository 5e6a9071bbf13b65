"""What was published before the disk had it, noted until it has: nobody who loads or pulls waits for the disk.

Everything is found in the page cache meanwhile, whoever is killed. Should the machine lose its power in that moment, a
layer could look whole without being so; the note is from another boot then, and what it names counts as damaged.
"""

import hashlib
import json
import logging
import threading
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from engine.errors import KernelError
from engine.images.layout import Layout, write_atomically
from engine.sys import process
from engine.sys.syncfs import syncfs

log = logging.getLogger(__name__)


def note(layout: Layout, names: Iterable[str]) -> Path:
    """Note blobs and layers that are about to be published; on the disk itself when this returns."""
    path = layout.unsynced / str(uuid4())
    write_atomically(path, json.dumps({"boot": process.boot_id(), "names": sorted(names)}).encode())
    return path


def sync_soon(layout: Layout, noted: Path) -> None:
    """Bring it to the disk in a thread of its own, which the process waits for when it ends."""
    threading.Thread(target=_sync, args=(layout, [noted]), name="sync").start()


def settle(layout: Layout) -> None:
    """Bring to the disk what a killed process did not; what a lost boot left counts as damaged. Under the lock."""
    noted = list(layout.unsynced.iterdir())
    for path in noted:
        value = json.loads(path.read_bytes())
        if value["boot"] != process.boot_id():
            log.error("the machine stopped before %d blobs and layers were on the disk", len(value["names"]))
            for name in value["names"]:
                _distrust(layout, name)
    if noted:
        _sync(layout, noted)


def _sync(layout: Layout, noted: Iterable[Path]) -> None:
    try:
        syncfs(layout.root)
    except FileNotFoundError:  # the store itself is gone
        return
    except KernelError as error:  # the notes stay, and the next start tries again
        log.error("images are not safe on the disk yet: %s", error)
        return
    for path in noted:
        path.unlink(missing_ok=True)


def _distrust(layout: Layout, name: str) -> None:
    """A layer's tree cannot be verified, so it is not whole any more; a blob can."""
    (layout.layers / name / "size").unlink(missing_ok=True)
    blob = layout.blobs / name
    if blob.exists():
        with blob.open("rb") as file:
            is_whole = hashlib.file_digest(file, "sha256").hexdigest() == name
        if not is_whole:
            blob.unlink()
