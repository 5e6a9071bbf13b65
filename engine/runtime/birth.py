"""Has a container's first process born as a child of this one, and brings it to where it waits for `start`.

Between the two stands a process that goes into the namespaces the container shares with others, so that this one, which
runs hooks and answers its caller, stays where it was.
"""

import _socket
import os
import signal
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from engine.launcher import birth, failure, link, messages, namespaces, program, root, sandbox, sources
from engine.launcher.init import Prepared
from engine.launcher.messages import Plan
from engine.launcher.pauses import Pauses
from engine.launcher.sandbox import Sandbox
from engine.runtime import gate


class Maps(NamedTuple):
    """The maps of a new user namespace, empty for none (user_namespaces(7)); `first_id` is what its root is outside."""

    uid_map: bytes
    gid_map: bytes
    first_id: int


_NOTHING = Sandbox(0, *[-1] * 8)
MakeGate = Callable[[_socket.socket], Pauses]
"""Gives what the process does on its way, told over this socket."""


def bring(plan: Plan, maps: Maps, make_gate: MakeGate, run_hooks: Callable[[int], None]) -> tuple[int, int | None]:
    """The pid of a first process that waits for `start`, and the terminal's master if it has one.

    `run_hooks` gets the pid when the hooks of this side are due. Raises the error of whatever failed; the process is
    gone then.
    """
    report, its_report = _pair()
    status, its_status = _pair()
    child = os.fork()
    if child == 0:
        report.close()
        status.close()
        _clone(plan, maps, its_report, its_status, make_gate)
    its_report.close()
    its_status.close()
    try:
        message, _ = link.receive(report)
        os.waitpid(child, 0)
        word, fields = messages.unpack(message)
        if word != messages.BORN:
            raise failure.explain_fields(fields, plan.search_path)
        return _await_ready(status, int(fields[0]), plan, run_hooks)
    finally:
        report.close()
        status.close()


def _pair() -> tuple[_socket.socket, _socket.socket]:
    return _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)


def _clone(plan: Plan, maps: Maps, report: _socket.socket, status: _socket.socket, make_gate: MakeGate) -> NoReturn:
    try:
        joins = namespaces.open_joins(plan.joins)
        if maps.uid_map:
            ready = sandbox.make_for(maps.first_id, -1, maps.uid_map, maps.gid_map)
        else:
            ready = namespaces.fit(_NOTHING, joins)
        for device in plan.devices:
            sandbox.add_device(ready, *device)
        prepared = Prepared(
            birth=messages.unpack_birth(plan.birth),
            owns_ids=ready is not _NOTHING,
            root_fd=root.open_root(plan.root, root.NOT_SHIFTED, 0),
            devices_fd=ready.devices,
            sources=sources.open_sources(plan.sources),
            flags=0,
        )
        prepared = birth.place(plan, prepared, ready, joins)
        pid, _ = birth.clone(plan, prepared, [], status, make_gate(status))
        report.send(messages.pack(messages.BORN, pid))
    except BaseException as error:
        program.tell_failure(report, error)
    finally:
        os._exit(0)


def _await_ready(
    status: _socket.socket, pid: int, plan: Plan, run_hooks: Callable[[int], None]
) -> tuple[int, int | None]:
    terminal: int | None = None
    try:
        while True:
            message, descriptors = link.receive(status)
            word, fields = messages.unpack(message)
            if word == messages.CONSOLE:
                terminal = descriptors[0]
            elif word == messages.HOOKS:
                run_hooks(pid)
                status.send(messages.pack(messages.GO))
            elif word == gate.READY:
                return pid, terminal
            else:
                raise failure.explain_fields(fields, plan.search_path)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        if terminal is not None:
            os.close(terminal)
        raise
