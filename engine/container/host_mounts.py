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


def mount_of(path: str) -> HostMount:
    """The mount that `path`, which must exist, lies on; links are followed."""
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        told = dict(line.split(":", 1) for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines())
    finally:
        os.close(fd)
    return by_id(int(told["mnt_id"]), Path("/proc/self/mountinfo").read_text())


def by_id(mount_id: int, mountinfo: str) -> HostMount:
    """The mount of this number in the text of a `mountinfo`; in one that was just taken away nothing is shared."""
    for line in mountinfo.splitlines():
        fields = line.split()
        if int(fields[0]) == mount_id:
            at = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4])
            tags = fields[6 : fields.index("-")]
            return HostMount(at, frozenset(tag.partition(":")[0] for tag in tags))
    return HostMount("", frozenset())
