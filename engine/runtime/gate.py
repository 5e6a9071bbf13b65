"""What an OCI container's first process does on its way that the panel's do not: hooks, and waiting for `start`.

process  ── HOOKS ──▶ create      (in its namespaces, its root attached: prestart and createRuntime run outside)
create   ── GO ──▶ process        (goes on into its root, runs createContainer)
process  ── READY ──▶ create      (which notes the pid down and ends)
start    ── START ──▶ process     (at `start.sock`; it runs startContainer)
process  ── LISTENER, with the filter's descriptor ──▶ start      (only if calls are left to a seccomp agent)
start    ── GO ──▶ process        (the agent has it)
process  ── FAILED syscall errno path ──▶ start, or the socket just closes at execve: it runs
"""

import _socket
import errno
import os
from collections.abc import Callable
from typing import Any

from engine.errors import KernelError
from engine.launcher import hooks, link, messages, program
from engine.launcher.messages import Process
from engine.launcher.pauses import Pauses
from engine.launcher.seen_outside import seen_outside
from engine.spec.runtime import Hook, Hooks
from engine.sys import process

READY, LISTENER = b"ready", b"listener"


class Gate(Pauses):
    """`status` leads to whoever asked last, `create` or `start`; `door` listens at `start.sock`.

    `state` is what hooks are told, `rootfs` the root's folder on the host; `has_agent` says whether the filter leaves
    calls to a seccomp agent, `what` is the process it is to become.
    """

    def __init__(
        self,
        status: _socket.socket,
        door: _socket.socket,
        wanted: Hooks,
        state: dict[str, Any],
        rootfs: str,
        has_agent: bool,
        what: Process,
    ) -> None:
        self._status = status
        self._door = door
        self.descriptors = (door.fileno(),)
        self._hooks = wanted
        self._state = state
        self._rootfs = rootfs
        self._has_agent = has_agent
        self._process = what

    def attached(self) -> None:
        """Let the hooks outside run while the namespaces are there and the root is not yet changed."""
        if self._hooks.prestart or self._hooks.create_runtime:
            self._status.send(messages.pack(messages.HOOKS))
            self._await_go()

    def placed(self, old_root: int) -> None:
        """Run the createContainer hooks: programs of the host, in the container's namespaces, its root where it was."""
        if self._hooks.create_container:
            with seen_outside(old_root, self._rootfs):
                enter = hooks.enter_root(old_root, self._state["bundle"])
                self._run("createContainer", self._hooks.create_container, "creating", enter)

    def ready(self) -> None:
        """Wait for `start`, unless there is nothing to start.

        Nobody in the container is to look into this process while it waits (prctl(2)).
        """
        self._check_program()
        process.prctl(process.PR_SET_DUMPABLE, 0)
        self._status.send(messages.pack(READY))
        while True:
            fd, _ = self._door._accept()  # type: ignore[attr-defined] # `socket` would give the object, not the number
            starter = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, fd)
            message, _ = link.receive(starter)
            if message == messages.START:
                os.dup2(starter.fileno(), self._status.fileno(), inheritable=False)
                return
            starter.close()  # killed before it could say what it wanted

    def _check_program(self) -> None:
        """A program that is not there is better told by `create`; one that cannot be executed `start` will tell of."""
        name = self._process.args[0]
        if not any(os.path.exists(path) for path in program.candidates(name, program.environment(self._process))):
            raise KernelError("execve", errno.ENOENT, name)

    def stripped(self) -> None:
        """Run the startContainer hooks: programs of the container, with the rights of its own."""
        if self._hooks.start_container:
            self._run("startContainer", self._hooks.start_container, "created", hooks.stay)

    def filtered(self, listener: int) -> None:
        """Give the descriptor of the filter to `start`, for the agent that decides."""
        if self._has_agent:
            link.send(self._status, messages.pack(LISTENER), [listener])
            os.close(listener)
            self._await_go()

    def _await_go(self) -> None:
        message, _ = link.receive(self._status)
        if message != messages.GO:
            os._exit(1)  # whoever asked is gone, or has told its caller already what was wrong

    def _run(self, phase: str, listed: tuple[Hook, ...], status: str, enter: Callable[[], None]) -> None:
        hooks.run_on_the_way(phase, listed, self._state | {"pid": os.getpid(), "status": status}, enter)
