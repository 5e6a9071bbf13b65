"""How long a container lives: when it is started again, and how it is told whether it is well."""

from dataclasses import dataclass, field
from enum import StrEnum

from engine.errors import InvalidSpec

MAXIMUM_RETRIES = 1 << 31
MAXIMUM_S = 365 * 86400.0
_LEAST_INTERVAL_S = 0.001  # Docker's


class Restart(StrEnum):
    """When a container that has ended is started again; see `RestartPolicy`."""

    NO = "no"
    ON_FAILURE = "on-failure"
    ALWAYS = "always"
    UNLESS_STOPPED = "unless-stopped"


class Condition(StrEnum):
    """What is waited for: that no run is going on, that one ends from now on, that the container is gone."""

    NOT_RUNNING = "not-running"
    NEXT_EXIT = "next-exit"
    REMOVED = "removed"


@dataclass(frozen=True)
class RestartPolicy:
    """What happens after an end nobody asked for.

    `on-failure` starts again after an exit code other than 0, `max_retries` times in a row at most (0: for ever).
    `always` and `unless-stopped` start again after any end; they differ after a reboot, when `always` also starts what
    had been stopped.
    """

    name: Restart = Restart.NO
    max_retries: int = 0

    def validate(self) -> None:
        """Raise InvalidSpec for a number of retries that is none, or that the policy has no use for."""
        if not 0 <= self.max_retries <= MAXIMUM_RETRIES:
            raise InvalidSpec("restart.max_retries", f"{self.max_retries} is not between 0 and {MAXIMUM_RETRIES}")
        if self.max_retries and self.name is not Restart.ON_FAILURE:
            raise InvalidSpec("restart.max_retries", f"is for on-failure alone, not for {self.name}")


@dataclass(frozen=True)
class HealthCheck:
    """A command that is run inside the container every now and then: exit code 0 means that it is well.

    `test` is `("CMD", program, arguments…)`, `("CMD-SHELL", command)` or `("NONE",)`; empty is what the image says, and
    so is every `None`; what the image does not say either is Docker's default. Times are seconds. During
    `start_period_s` a check is run every `start_interval_s`, and failures do not count until one has succeeded; after
    `retries` failures in a row the container is unhealthy.
    """

    test: tuple[str, ...] = field(default=())
    interval_s: float | None = None
    timeout_s: float | None = None
    retries: int | None = None
    start_period_s: float | None = None
    start_interval_s: float | None = None

    def validate(self) -> None:
        """Raise InvalidSpec naming the first field that cannot be."""
        _check_test(self.test)
        for name, least in _LEAST_S.items():
            value: float | None = getattr(self, name)
            if value is not None and not least <= value <= MAXIMUM_S:
                raise InvalidSpec(f"health.{name}", f"{value} is not between {least:g} and {MAXIMUM_S:.0f}")
        if self.retries is not None and not 1 <= self.retries <= MAXIMUM_RETRIES:
            raise InvalidSpec("health.retries", f"{self.retries} is not between 1 and {MAXIMUM_RETRIES}")


_LEAST_S = {
    "interval_s": _LEAST_INTERVAL_S,
    "timeout_s": _LEAST_INTERVAL_S,
    "start_period_s": 0.0,
    "start_interval_s": _LEAST_INTERVAL_S,
}


def _check_test(test: tuple[str, ...]) -> None:
    if not test:
        return
    kind, *arguments = test
    if kind not in ("CMD", "CMD-SHELL", "NONE"):
        raise InvalidSpec("health.test", f"{kind[:40]!r} is not CMD, CMD-SHELL or NONE")
    wanted = {"CMD": len(arguments) >= 1, "CMD-SHELL": len(arguments) == 1, "NONE": not arguments}
    if not wanted[kind]:
        text = {"CMD": "a program", "CMD-SHELL": "one command", "NONE": "nothing"}[kind]
        raise InvalidSpec("health.test", f"{kind} is followed by {text}")


def check_ttl(ttl_s: float | None) -> None:
    """From a tenth of a second on; `None` is for ever."""
    if ttl_s is not None and not 0.1 <= ttl_s <= MAXIMUM_S:
        raise InvalidSpec("ttl_s", f"{ttl_s} is not between 0.1 and {MAXIMUM_S:.0f}")
