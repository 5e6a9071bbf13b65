"""Opens the log of one run as its driver wants it.

What writes files is loaded by the launcher, and all shims share it: to load a module touches the tables of interned
names all over, which makes a shim that does so 1.3 MB larger. Only what sends output away is loaded when it is used.
"""

from __future__ import annotations

from engine.logs.json_writer import JsonWriter
from engine.logs.null_writer import NullWriter
from engine.logs.ring import Ring
from engine.logs.watched import Watched
from engine.logs.writer import LogWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.logs.driver import Writer


RING = "non-blocking"
"""In place of a driver's name: its arguments are how many bytes may wait, and the settings of the driver."""


def open_log(settings: list[Any], folder: str, lock: int | None = None) -> Writer:
    """The writer for the log in `folder`, whose lock, if it was taken already, is `lock`.

    `settings` are `[driver, *arguments]` as `engine/container/log_plan.py` makes them. Raises OSError.
    """
    driver, *arguments = settings
    if driver == "local":
        segment_bytes, segments, compresses = arguments
        return LogWriter(folder, segment_bytes=segment_bytes, segments=segments, compresses=compresses, lock=lock)
    if driver == RING:
        limit_bytes, kept = arguments
        return Ring(lambda: open_log(kept, folder, lock), limit_bytes)
    if driver == "none":
        return NullWriter(folder, lock)
    if driver == "json-file":
        return Watched(JsonWriter(folder, *arguments, lock=lock), folder)
    from engine.logs.forwarding import open_forwarding  # noqa: PLC0415

    return open_forwarding(driver, arguments, folder, lock)
