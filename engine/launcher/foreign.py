"""Has a container brought to life by another OCI runtime of this host, in place of birth's own clone.

It sees the container's bundle in birth's mounts, where the root is attached and nobody else sees it. The first process
becomes a child of the shim, a subreaper by then, when the runtime's `create` has ended. Imported only by a birth that
needs it.
"""

from __future__ import annotations

import _socket
import json
import os

from engine.errors import KernelError
from engine.launcher import link, other_runtime
from engine.launcher.messages import Plan
from engine.sys import mount

_LOG_BYTES = 65536


def bring(plan: Plan, root_fd: int, ends: list[int]) -> tuple[int, int, list[int]]:
    """Pid and pidfd of the first process, whose program runs, and its terminal's master if it has one.

    `ends` are as `birth.clone` takes them. Raises KernelError with the runtime's own words.
    """
    bundle = plan.root.folder
    mount.move_mount(root_fd, f"{bundle}/rootfs")
    other_runtime.forget(plan.other_runtime, plan.id)  # what a run that was cut short may have left there
    arguments, door = ["--bundle", bundle, "--pid-file", f"{bundle}/runtime.pid"], None
    if plan.is_terminal:
        door = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        path = f"/proc/{os.getpid()}/fd/{os.open(bundle, os.O_PATH | os.O_CLOEXEC)}/console.sock"  # paths may be long
        door.bind(path)
        door.listen(1)
        arguments += ["--console-socket", path]
    _call(plan, "create", *arguments, streams=_streams(ends))
    try:
        with open(f"{bundle}/runtime.pid") as file:
            pid = int(file.read())
        pidfd = os.pidfd_open(pid)
        masters = [] if door is None else _receive(door, f"{bundle}/console.sock")
        _call(plan, "start")
    except BaseException:
        other_runtime.forget(plan.other_runtime, plan.id)
        raise
    return pid, pidfd, masters


def _streams(ends: list[int]) -> dict[int, int]:
    return dict(zip((1, 2, 0), ends, strict=False))


def _receive(door: _socket.socket, path: str) -> list[int]:
    fd, _ = door._accept()  # type: ignore[attr-defined] # the typed accept is in `socket`
    _, descriptors = link.receive(_socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, fd))
    os.unlink(path)
    return descriptors


def _call(plan: Plan, verb: str, *arguments: str, streams: dict[int, int] | None = None) -> None:
    name = os.path.basename(plan.other_runtime[0])
    log = f"{plan.root.folder}/runtime.log"
    if os.path.exists(log):
        os.unlink(log)
    command = [*plan.other_runtime, "--log", log, "--log-format", "json"]
    code = other_runtime.call(command, verb, *arguments, plan.id, streams=streams)
    if code:
        raise KernelError(f"{name} {verb}: {_last_error(log) or f'exit status {code}'}", 0)


def _last_error(log: str) -> str:
    """What it said of what went wrong, in its last line that says so."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            lines = [json.loads(line) for line in file.read(_LOG_BYTES).splitlines() if line.startswith("{")]
    except (FileNotFoundError, ValueError):
        return ""
    return next((line["msg"] for line in reversed(lines) if line.get("level") == "error"), "")
