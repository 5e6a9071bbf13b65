"""The log of a container: its format, the writer inside the shim, readers and followers outside.

The readers are looked up when they are first used: the shim imports `engine.logs.writer` and must not pay for them.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself is large
if TYPE_CHECKING:
    from typing import Any

    from engine.logs.lines import LogBatch, LogLine
    from engine.logs.live import Output
    from engine.logs.reader import LogReader

__all__ = ["LogBatch", "LogLine", "LogReader", "Output"]

_HOMES = {
    "LogBatch": "engine.logs.lines",
    "LogLine": "engine.logs.lines",
    "LogReader": "engine.logs.reader",
    "Output": "engine.logs.live",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = __import__(_HOMES[name], fromlist=[name])
    return getattr(module, name)
