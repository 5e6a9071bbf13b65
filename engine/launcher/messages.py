"""Every step of the handshake between engine, launcher, shim and the container's first process, by name.

    engine    ── START, with the plan's memfd and the root mount ──▶ launcher
    launcher  ── fork ──▶ shim      (a LINK socket stays between the two)
    shim      ── clone3 ──▶ first process      (a STATUS socket stays between the two)
    process   ── CONSOLE, with the terminal's master ──▶ shim      (terminal mode only)
    process   ── FAILED syscall errno path ──▶ shim, or the socket just closes at execve: it runs
    shim      ── STARTED pid, or FAILED ──▶ engine
    shim      ── HOLD pid, with plan, pidfd and output descriptors ──▶ launcher
    launcher  ── EXITED status ──▶ shim      (only to one that took over from a killed shim)
    shim      ── DONE ──▶ launcher

Messages travel on SOCK_SEQPACKET sockets: one word, then fields, separated by NUL bytes. A plan is marshalled, not
written as JSON: both ends are root on one host, and every page of memory that a decoder in Python touches is paid for
once per container.
"""

import marshal
import os
import struct
from typing import Any, NamedTuple

START, HOLD, PING = b"start", b"hold", b"ping"
STARTED, FAILED, PONG = b"started", b"failed", b"pong"
CONSOLE, EXITED, DONE = b"console", b"exited", b"done"

MAXIMUM_MESSAGE = 65536
"""Bytes; anything longer (a plan) travels in a memfd beside the message."""


class Process(NamedTuple):
    """What is executed, as whom, with which rights; capability sets are bit masks, rlimits `(number, soft, hard)`."""

    args: list[str]
    env: list[str]
    cwd: str
    uid: int
    gid: int
    groups: list[int]
    rlimits: list[list[int]]
    bounding: int
    effective: int
    permitted: int
    inheritable: int
    last_cap: int
    no_new_privileges: bool
    oom_score_adj: int | None
    is_terminal: bool


class Plan(NamedTuple):
    """All a shim needs for one run of a container, computed beforehand by the engine.

    `steps` is the list of things to do in the new root before the old one goes, each `[name, *arguments]` of a function
    in `init.py`'s `STEPS`. `join` are files that the first process writes `0` to (cgroup v1 `tasks`), `cgroup_v2` the
    folder it is cloned into, `cgroups` the folders removed at the end, `oom_file` counts `oom_kill`.
    """

    id: str
    run: int
    folder: str
    rootfs: str
    observed: str
    machine: str
    clone_flags: int
    hostname: str
    has_own_network: bool
    steps: list[list[Any]]
    join: list[str]
    cgroup_v2: str
    cgroups: list[str]
    oom_file: str
    process: Process


def write_plan(plan: Plan, seccomp: bytes) -> int:
    """A memfd that holds the plan and the seccomp program (empty: no filter). The caller closes it."""
    fields = marshal.dumps((*plan[:-1], tuple(plan.process)))
    fd = os.memfd_create("plan", os.MFD_CLOEXEC)
    os.writev(fd, [struct.pack("<I", len(fields)), fields, seccomp])
    return fd


def read_plan(fd: int) -> tuple[Plan, bytes]:
    """What `write_plan` wrote."""
    size = os.fstat(fd).st_size
    data = os.pread(fd, size, 0)
    end = 4 + struct.unpack_from("<I", data)[0]
    *fields, process = marshal.loads(data[4:end])
    return Plan(*fields, Process(*process)), data[end:]


def pack(word: bytes, *fields: object) -> bytes:
    """One message."""
    return b"\0".join([word, *(str(field).encode("utf-8", "surrogateescape") for field in fields)])


def unpack(message: bytes) -> tuple[bytes, list[str]]:
    """The word and the fields of one message."""
    word, *fields = message.split(b"\0")
    return word, [field.decode("utf-8", "surrogateescape") for field in fields]
