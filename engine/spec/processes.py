"""The processes of a container, as `top` tells of them."""

from dataclasses import dataclass

from engine.spec import codec


@dataclass(frozen=True)
class ContainerProcess:
    """One process; `container_pid` and `container_uid` are the container's own numbers, the others the host's.

    `state` is a letter of proc_pid_stat(5), `terminal` a device's name or `?`. `command` is the command line, or in
    brackets the name where there is none.
    """

    pid: int
    container_pid: int
    parent_pid: int
    uid: int
    container_uid: int
    gid: int
    state: str
    threads: int
    nice: int
    priority: int
    terminal: str
    cpu_ns: int
    cpu_percent: float
    rss_bytes: int
    vsz_bytes: int
    started_at: str
    age_s: float
    name: str
    command: str


@dataclass(frozen=True)
class ProcessTable(codec.Document):
    """What ps(1) would print, as texts, and the same processes as values."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    processes: tuple[ContainerProcess, ...]
