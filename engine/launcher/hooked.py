"""A birth with hooks: its first process waits at the places where they are due, while birth has them run outside.

Imported only where there are any: what few containers need, no launcher carries.
"""

from __future__ import annotations

import _socket
import os
import select

from engine.errors import KernelError
from engine.launcher import hook_forms, hook_runner, hooks, link, messages
from engine.launcher.failure import HOOK
from engine.launcher.pauses import Pauses
from engine.launcher.zygote import live

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.launcher.hook_forms import Hooks


class Hooked(Pauses):
    """What the first process does on its way: it has hooks run outside, and runs those of startContainer itself."""

    def __init__(self, status: _socket.socket, births: _socket.socket, wanted: Hooks) -> None:
        """`births` is birth's end of `status`, of which the fork has a copy."""
        self._status, self._births, self._wanted = status, births, wanted

    def attached(self) -> None:
        """The namespaces are there, the root is the host's: prestart and createRuntime."""
        self._births.close()  # else nobody here would hear that birth was killed
        if self._wanted.prestart or self._wanted.create_runtime:
            self._await(hook_runner.CREATE_RUNTIME, 0)

    def placed(self, old_root: int) -> None:
        """Everything is mounted: createContainer."""
        if self._wanted.create_container:
            self._await(hook_runner.CREATE_CONTAINER, old_root)

    def stripped(self) -> None:
        """Programs of the container, with the rights of its own: startContainer."""
        if self._wanted.start_container:
            state = self._wanted.state | {"pid": os.getpid(), "status": "created"}
            hooks.run_on_the_way("startContainer", self._wanted.start_container, state, hooks.stay)

    def _await(self, phase: str, old_root: int) -> None:
        self._status.send(messages.pack(messages.HOOKS, phase, os.getpid(), old_root))
        if link.receive(self._status)[0] != messages.GO:
            os._exit(1)  # birth is gone, or knows already what was wrong


class Outside:
    """Birth's end: what it asks of the helper that runs hooks outside.

    ConnectionError, which ends birth without a word, says of each request that the helper was killed.
    """

    def __init__(self, packed: bytes, host_mounts: int, rootfs: str, owner: int) -> None:
        """To be made while this process has the host's rights.

        `host_mounts` is the host's mount namespace, `owner` what root inside is outside.
        """
        self._wanted = hook_forms.unpack(packed)
        self._helper, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        needed = [os.pidfd_open(pid) for pid in (os.getpid(), os.getppid())]  # this birth and its shim
        self._pid = os.fork()
        if self._pid == 0:
            live(hook_runner.serve, theirs, needed, host_mounts, hook_runner.Runner(self._wanted, rootfs, owner))
        self._life = os.pidfd_open(self._pid)
        theirs.close()
        for pidfd in needed:
            os.close(pidfd)

    def pauses(self, status: _socket.socket, births: _socket.socket) -> Pauses:
        """For the first process, which tells `status`; the other end of that is `births`."""
        return Hooked(status, births, self._wanted)

    def run(self, phase: str, pid: int, inner_pid: str = "0", old_root: str = "0") -> None:
        """What the first process, `pid`, has asked for. Raises KernelError for the first hook that failed."""
        self._helper.send(messages.pack(messages.HOOKS, phase, pid, inner_pid, old_root))
        is_told = self._helper.fileno() in select.select([self._helper.fileno(), self._life], (), ())[0]
        message = link.receive(self._helper)[0] if is_told else b""
        if not message:
            raise ConnectionResetError(f"who was to run {phase} hooks was killed")
        word, fields = messages.unpack(message)
        if word != messages.GO:
            raise KernelError(HOOK, 0, fields[0])

    def started(self, pid: int) -> None:
        """The program runs: poststart. Raises as `run`."""
        if self._wanted.poststart:
            self.run(hook_runner.POSTSTART, pid)

    def stopped(self) -> None:
        """There will be no program: poststop."""
        if self._wanted.poststop:
            self.run(hook_runner.POSTSTOP, 0)

    def close(self) -> None:
        """Have the helper end, and wait for it: nobody else would before long."""
        self._helper.close()
        os.waitpid(self._pid, 0)
