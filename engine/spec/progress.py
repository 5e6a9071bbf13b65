"""What a long engine verb tells while it works: its steps, each with how far it has come."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Step:
    """One step of a longer operation. `current` and `total` count `unit` (bytes, files …); `total` 0 is not known.

    `phase` says more of a step that has several kinds of work (`downloading`, `extracting`), or had none (`exists`).
    """

    name: str
    status: Literal["waiting", "running", "done", "failed"] = "waiting"
    current: int = 0
    total: int = 0
    unit: str = ""
    phase: str = ""

    def to_json(self) -> dict[str, Any]:
        """`{"name", "status", "current", "total", "unit", "phase"}`."""
        return dict(vars(self))  # of plain values; a pull of many layers tells thousands of them


Progress = Callable[[Sequence[Step]], None]
"""Called with every step of the operation, in order, at most a few times a second."""
IsCancelled = Callable[[], bool]
"""Asked between pieces of work; true makes the verb undo what it did and raise `Cancelled`."""
