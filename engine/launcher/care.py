"""What a shim does for a container that asked for more than to be guarded: see that it is well, and end it in time.

Only such a container has a `Care`, so the others pay nothing for it.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps each number in an enum
import time

from engine.launcher import certificate, groups, messages, policy, records
from engine.launcher.health import Health
from engine.sys import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    import select

    from engine.launcher.messages import Plan

_OTHERS_S = 5.0
_LONGEST_S = 3600.0  # the clock on the wall may be set while a shim sleeps


class Care:
    """State of one run's care. `pidfd` is that of the first process."""

    def __init__(self, plan: Plan, plan_fd: int, pidfd: int) -> None:
        wanted = messages.unpack_care(plan.care)
        self._folder = plan.folder
        self._run = plan.run
        self._groups = plan.cgroups
        self._deadline = plan.deadline
        self._pidfd = pidfd
        self._signal, self._signal_name, self._timeout_s = wanted[:3]
        self._restarts_unhealthy = wanted.restarts_unhealthy
        self._health = None if wanted.check is None else Health(plan, plan_fd, wanted.check, pidfd)
        self._kill_at: float | None = None
        self._is_ending = False
        self._look_at = 0.0

    def timeout_s(self) -> float:
        """How long the shim may sleep."""
        times = [_LONGEST_S]
        health_s = None if self._health is None else self._health.timeout_s()
        if health_s is not None:
            times.append(health_s)
        if self._kill_at is not None:
            times.append(max(0.0, self._kill_at - time.monotonic()))
        if self._deadline and not self._is_ending:
            times.append(max(0.0, self._deadline - time.time(), self._look_at - time.monotonic()))
        return min(times)

    def act(self, poll: select.poll) -> None:
        """Do what is due; what is to be heard of it is registered with `poll`."""
        if self._health is not None:
            self._health.act(poll)
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._kill_at = None
            process.send_signal(self._pidfd, _signal.SIGKILL)
        if self._is_ending or time.monotonic() < self._look_at:
            return
        if self._deadline and time.time() >= self._deadline:
            self.end("expire")
        elif self._restarts_unhealthy and self._health is not None and self._health.is_unhealthy:
            self.end(policy.UNHEALTHY)

    def hears(self, poll: select.poll, fd: int) -> bool:
        """Whether what is ready on `fd` was for this, and is taken."""
        return self._health is not None and self._health.hears(poll, fd)

    def close(self) -> None:
        """The run is over."""
        if self._health is not None:
            self._health.close()

    def end(self, verb: str) -> None:
        """Ask the container to end, as a stop does. While somebody else is at that, he is left to it.

        What a shim before this one may have asked for is asked once more.
        """
        request = certificate.asked(self._folder, self._run)
        if request is not None and request["ends"] and request["verb"] not in ("expire", policy.UNHEALTHY):
            self._look_at = time.monotonic() + _OTHERS_S
            return
        self._is_ending = True
        value = {"run": self._run, "verb": verb, "by": "", "signal": self._signal_name}
        records.write_json(f"{self._folder}/asked.json", value | {"at": records.now(), "ends": True})
        process.send_signal(self._pidfd, self._signal)
        groups.thaw(self._groups)
        self._kill_at = time.monotonic() + self._timeout_s
