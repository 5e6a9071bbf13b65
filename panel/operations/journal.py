"""The host worker's memory of what it has finished: a task that comes twice is answered, not done again.

One small file per operation in `home/operations`. A file lost with the machine's power is no harm, since every engine
verb is idempotent; so nothing is fsynced here.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEPT_S = 7 * 24 * 3600


@dataclass(frozen=True)
class Journal:
    """Finished operations below `folder`."""

    folder: Path

    def recall(self, operation: str) -> dict[str, Any] | None:
        """What was noted when `operation` finished; None if it has not, or if the note was cut short by a crash."""
        try:
            note = json.loads((self.folder / operation).read_bytes())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return note if isinstance(note, dict) else None

    def note(self, operation: str, outcome: dict[str, Any]) -> None:
        """Remember how `operation` finished."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self.folder / f".{operation}"
        temporary.write_text(json.dumps(outcome))
        os.replace(temporary, self.folder / operation)

    def prune(self, now: float | None = None) -> int:
        """Forget what is older than a week; how many notes that were."""
        if not self.folder.is_dir():
            return 0
        oldest = (time.time() if now is None else now) - KEPT_S
        old = [entry for entry in self.folder.iterdir() if entry.stat().st_mtime < oldest]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)
