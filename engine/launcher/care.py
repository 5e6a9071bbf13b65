"""What a shim does for a container that asked for more than to be guarded: see that it is well, and end it in time.

Only such a container has a `Care`, so the others pay nothing for it.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps each number in an enum
import time

from engine.launcher import certificate, groups, messages, records

TYPE_CHECKING = False
if TYPE_CHECKING:
    import select

    from engine.launcher.messages import Plan

_LONGEST_S = 3600.0  # the clock on the wall may be set while a shim sleeps


class Care:
    """State of one run's care. `pidfd` is that of the first process."""

    def __init__(self, plan: Plan, pidfd: int) -> None:
        self._folder = plan.folder
        self._run = plan.run
        self._groups = plan.cgroups
        self._deadline = plan.deadline
        self._wanted = messages.unpack_care(plan.care)
        self._pidfd = pidfd
        self._kill_at: float | None = None
        self._is_ending = False

    def timeout_s(self) -> float | None:
        """How long the shim may sleep, None for ever."""
        if self._kill_at is not None:
            return max(0.0, self._kill_at - time.monotonic())
        if self._deadline and not self._is_ending:
            return min(max(0.0, self._deadline - time.time()), _LONGEST_S)
        return None

    def act(self, poll: select.poll) -> None:
        """Do what is due; what is to be heard of it is registered with `poll`."""
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._kill_at = None
            self._send(_signal.SIGKILL)
        if self._deadline and not self._is_ending and time.time() >= self._deadline:
            self.end("expire")

    def end(self, verb: str) -> None:
        """Ask the container to end, as a stop does; if somebody has done so already it is his end."""
        self._is_ending = True
        request = certificate.asked(self._folder, self._run)
        if request is not None and request["ends"]:
            return
        value = {"run": self._run, "verb": verb, "by": "", "signal": self._wanted.stop_signal_name}
        records.write_json(f"{self._folder}/asked.json", value | {"at": records.now(), "ends": True})
        self._send(self._wanted.stop_signal)
        groups.thaw(self._groups)
        self._kill_at = time.monotonic() + self._wanted.stop_timeout_s

    def _send(self, number: int) -> None:
        try:
            _signal.pidfd_send_signal(self._pidfd, number)
        except ProcessLookupError:
            return  # it has ended just now
