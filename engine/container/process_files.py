"""Reads what the kernel tells of a process: proc_pid_stat(5), proc_pid_status(5), proc_pid_cmdline(5)."""

import os
import time
from dataclasses import dataclass

from engine.spec.processes import ContainerProcess

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_LONGEST_BYTES = 16384  # a command line may have megabytes
_TERMINALS = {4: "tty", 136: "pts/"}  # LANANA's majors of the consoles and of the slaves of /dev/pts


@dataclass(frozen=True)
class UidMap:
    """proc_pid_uid_map: ranges of `(inside, outside, length)`."""

    ranges: tuple[tuple[int, int, int], ...]

    def inside(self, uid: int) -> int:
        """What the user is called inside; 65534 (nobody) for one who does not exist there, as the kernel has it."""
        for inside, outside, length in self.ranges:
            if outside <= uid < outside + length:
                return inside + uid - outside
        return 65534


def uid_map(pid: int) -> UidMap:
    """The map of the process's user namespace; no ranges for a process that is gone."""
    lines = (line.split() for line in _read(f"/proc/{pid}/uid_map").splitlines())
    return UidMap(tuple((int(inside), int(outside), int(length)) for inside, outside, length in lines))


def read(pid: int, users: UidMap, *, uptime_s: float) -> ContainerProcess | None:
    """The process as it is now, `uptime_s` after the boot; None when it is gone."""
    stat, status = _read(f"/proc/{pid}/stat"), _read(f"/proc/{pid}/status")
    command = _read(f"/proc/{pid}/cmdline")
    if not stat or not status:
        return None
    name, fields = stat[stat.index("(") + 1 : stat.rindex(")")], stat[stat.rindex(")") + 2 :].split()
    named = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    uid, gid = int(named["Uid"].split()[1]), int(named["Gid"].split()[1])
    age_s = max(uptime_s - int(fields[19]) / _TICKS, 0.0)
    cpu_ns = (int(fields[11]) + int(fields[12])) * 1_000_000_000 // _TICKS
    return ContainerProcess(
        pid=pid,
        container_pid=int(named.get("NSpid", str(pid)).split()[-1]),
        parent_pid=int(fields[1]),
        uid=uid,
        container_uid=users.inside(uid),
        gid=gid,
        state=fields[0],
        threads=int(fields[17]),
        nice=int(fields[16]),
        priority=int(fields[15]),
        terminal=_terminal(int(fields[4])),
        cpu_ns=cpu_ns,
        cpu_percent=round(cpu_ns / 1e7 / age_s, 1) if age_s else 0.0,
        rss_bytes=int(fields[21]) * _PAGE_BYTES,
        vsz_bytes=int(fields[20]),
        started_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - age_s)),
        age_s=age_s,
        name=name,
        command=command.replace("\0", " ").strip() or f"[{name}]",
    )


def _terminal(device: int) -> str:
    """The name of a tty_nr: minor in the bits 31 to 20 and 7 to 0, major in the bits 15 to 8."""
    major, minor = device >> 8 & 0xFFF, device & 0xFF | device >> 12 & 0xFFF00
    return f"{_TERMINALS[major]}{minor}" if major in _TERMINALS else "?"


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(_LONGEST_BYTES).decode("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
