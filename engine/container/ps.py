"""Lays processes out as ps(1) does: its columns by their names, and the options that Docker's users give it."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import InvalidSpec
from engine.spec.processes import ContainerProcess

_FULL = ("uid", "pid", "ppid", "c", "stime", "tty", "time", "cmd")
_USER_ORIENTED = ("user", "pid", "%cpu", "%mem", "vsz", "rss", "tty", "stat", "start", "time", "command")
_USUAL = ("pid", "tty", "time", "cmd_name")


@dataclass(frozen=True)
class Column:
    """A title, and a process's text below it."""

    title: str
    text: Callable[[ContainerProcess], str]


def columns(arguments: str) -> tuple[Column, ...]:
    """The columns that ps(1) shows with these options: `-ef`, `aux`, `-o pid,comm`, `-eo pid=Number`.

    Which processes are shown is not ps's choice here. Raises InvalidSpec for an option or a column that is not known.
    """
    chosen: list[Column] = []
    layout: tuple[str, ...] = _USUAL
    words = arguments.split()
    while words:
        word = words.pop(0)
        letters, list_after = word.lstrip("-"), ""
        if "o" in letters:
            letters, _, list_after = letters.partition("o")
            if not list_after and not words:
                raise InvalidSpec("ps_args", f"{word} wants a list of columns")
            chosen += [_column(item) for item in (list_after or words.pop(0)).split(",")]
        if unknown := set(letters) - set("efFaAuxwld"):
            raise InvalidSpec("ps_args", f"option {min(unknown)} of {word[:40]!r} is not known")
        if "u" in letters:
            layout = _USER_ORIENTED
        elif "f" in letters or "F" in letters:
            layout = _FULL
    return tuple(chosen) or tuple(_COLUMNS[name] for name in layout)


def _column(item: str) -> Column:
    name, has_title, title = item.partition("=")
    column = _COLUMNS.get(name.lower())
    if column is None:
        raise InvalidSpec("ps_args", f"column {name[:40]!r} is not known", hint=f"Known: {', '.join(_COLUMNS)}.")
    return Column(title, column.text) if has_title else column


def _user(process: ContainerProcess) -> str:
    """By number, but for root: names are the image's business, and its files may be anything by now."""
    return "root" if process.container_uid == 0 else str(process.container_uid)


def _cpu_time(process: ContainerProcess) -> str:
    seconds = process.cpu_ns // 1_000_000_000
    days, rest = divmod(seconds, 86400)
    text = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}-{text}" if days else text


def _age(process: ContainerProcess) -> str:
    days, rest = divmod(int(process.age_s), 86400)
    hours, minutes, seconds = rest // 3600, rest // 60 % 60, rest % 60
    text = f"{minutes:02}:{seconds:02}"
    if days:
        return f"{days}-{hours:02}:{text}"
    return f"{hours:02}:{text}" if hours else text


def _start(process: ContainerProcess) -> str:
    """The hour on the same day, else the day, in the host's time zone."""
    began, now = time.localtime(time.time() - process.age_s), time.localtime()
    is_today = began[:3] == now[:3]
    return time.strftime("%H:%M" if is_today else "%b%d" if began[0] == now[0] else "%Y", began)


def _memory_percent(process: ContainerProcess) -> str:
    return f"{100 * process.rss_bytes / (os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')):.1f}"


def _state(process: ContainerProcess) -> str:
    """The state with ps's marks for what is nicer, or less nice, than others, and for threads."""
    nice = "<" if process.nice < 0 else "N" if process.nice > 0 else ""
    return process.state + nice + ("l" if process.threads > 1 else "")


_COLUMNS = {
    "pid": Column("PID", lambda process: str(process.pid)),
    "cpid": Column("CPID", lambda process: str(process.container_pid)),
    "ppid": Column("PPID", lambda process: str(process.parent_pid)),
    "uid": Column("UID", _user),
    "user": Column("USER", _user),
    "euser": Column("EUSER", _user),
    "ruid": Column("RUID", lambda process: str(process.uid)),
    "huid": Column("HUID", lambda process: str(process.uid)),
    "gid": Column("GID", lambda process: str(process.gid)),
    "c": Column("C", lambda process: str(int(process.cpu_percent))),
    "%cpu": Column("%CPU", lambda process: f"{process.cpu_percent:.1f}"),
    "%mem": Column("%MEM", _memory_percent),
    "rss": Column("RSS", lambda process: str(process.rss_bytes >> 10)),
    "vsz": Column("VSZ", lambda process: str(process.vsz_bytes >> 10)),
    "tty": Column("TTY", lambda process: process.terminal),
    "s": Column("S", lambda process: process.state),
    "stat": Column("STAT", _state),
    "start": Column("START", _start),
    "stime": Column("STIME", _start),
    "lstart": Column("STARTED", lambda process: process.started_at),
    "time": Column("TIME", _cpu_time),
    "etime": Column("ELAPSED", _age),
    "etimes": Column("ELAPSED", lambda process: str(int(process.age_s))),
    "nlwp": Column("NLWP", lambda process: str(process.threads)),
    "ni": Column("NI", lambda process: str(process.nice)),
    "pri": Column("PRI", lambda process: str(process.priority)),
    "comm": Column("COMMAND", lambda process: process.name),
    "cmd": Column("CMD", lambda process: process.command),
    "args": Column("COMMAND", lambda process: process.command),
    "command": Column("COMMAND", lambda process: process.command),
    "cmd_name": Column("CMD", lambda process: process.name),
}
_COLUMNS |= {
    other: _COLUMNS[name]
    for other, name in {
        "pcpu": "%cpu",
        "pmem": "%mem",
        "vsize": "vsz",
        "rssize": "rss",
        "rsz": "rss",
        "tt": "tty",
        "tname": "tty",
        "state": "s",
        "cputime": "time",
        "thcount": "nlwp",
        "nice": "ni",
        "ucmd": "comm",
        "ucomm": "comm",
        "euid": "uid",
        "nspid": "cpid",
    }.items()
}
