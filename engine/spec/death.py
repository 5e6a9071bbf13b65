"""What is told of the end of a run: its death certificate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.spec import codec


@dataclass(frozen=True)
class Request:
    """Who asked for the end, or sent the last signal before it.

    `verb` is stop, kill, restart, remove or start; `expire` and `unhealthy` are the container's own time to live and
    health check. `by` is what the caller said of himself, `signal` the first one sent, empty if there was nothing to
    send one to. `ends` tells whether the end was
    what was wanted: a kill with another signal than KILL or the stop signal only may have led to it.
    """

    run: int
    verb: str
    by: str
    signal: str
    at: str
    ends: bool


@dataclass(frozen=True)
class Memory:
    """Bytes, `None` where the host does not count; `limit_bytes` is `None` without a limit."""

    limit_bytes: int | None = None
    usage_bytes: int | None = None
    peak_bytes: int | None = None
    oom_kills: int | None = None


@dataclass(frozen=True)
class Usage:
    """What the run used up in all, `None` where the host does not count it."""

    cpu_ns: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    most_processes: int | None = None


@dataclass(frozen=True)
class Pressure:
    """Pressure stall information: the percentage of time in which some, or all, work waited for a resource.

    `scope` is `container`, or `host` where groups are not measured one by one (cgroup v1).
    """

    scope: str
    some_10s: float
    some_60s: float
    full_10s: float
    full_60s: float


@dataclass(frozen=True)
class Death:
    """The certificate of one run. Times as in `ContainerState`; `duration_s` is `None` for what never ran.

    `restarts` is how many runs the restart policy had brought by then, `restart_ms` after how long the next one was
    due, `None` if none was. `last_lines` are the last 20 lines of both streams, 8 KiB at most, bytes that are not UTF-8
    as lone surrogates.
    """

    run: int
    exit_code: int
    signal: int
    core_dumped: bool
    oom_killed: bool
    error: str
    started_at: str
    finished_at: str
    duration_s: float | None
    asked: Request | None
    restarts: int
    restart_ms: int | None
    memory: Memory = field(default_factory=Memory)
    usage: Usage = field(default_factory=Usage)
    pressure: Mapping[str, Pressure] = field(default_factory=dict)
    last_lines: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The fields under their own names."""
        value: dict[str, Any] = codec.to_json(self)
        return value
