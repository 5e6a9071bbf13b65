"""What the host has mounted where, and with whom it shares that (proc_pid_mountinfo(5))."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class HostMount:
    """A mount: where it is, and the `kinds` of its propagation, of `shared`, `master`, `unbindable`."""

    at: str
    kinds: frozenset[str]


def mount_of(path: str, mountinfo: str | None = None) -> HostMount:
    """The mount that `path` lies on, links followed."""
    real = os.path.realpath(path)
    text = Path("/proc/self/mountinfo").read_text() if mountinfo is None else mountinfo
    found = HostMount("/", frozenset())
    for line in text.splitlines():
        fields = line.split()
        at = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4])
        if len(at) >= len(found.at) and (real == at or real.startswith(at.rstrip("/") + "/")):  # later ones cover
            tags = fields[6 : fields.index("-")]
            found = HostMount(at, frozenset(tag.partition(":")[0] for tag in tags))
    return found
