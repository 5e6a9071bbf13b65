"""Whether a container whose run has ended is started again, and after how long: what the files say at that moment.

Nothing of it is in the plan, so a policy that is changed, or an end that is asked for, counts at once.
"""

from __future__ import annotations

from engine.launcher import certificate, records

UNHEALTHY = "unhealthy"  # the verb of a shim that ends a container so that it is started again
_FIRST_MS, _LONGEST_MS = 100, 60_000
_STEADY_S = 10.0  # a run this long was not a failing start: the next pause is a short one again


def wants_another(folder: str, *, run: int, exit_code: int, restarts: int) -> bool:
    """Whether the restart policy wants a run after `run`, which ended with `exit_code` after so many `restarts`.

    An end that somebody asked for is the last, but for that of an unhealthy container.
    """
    request = certificate.asked(folder, run)
    if request is not None and request["ends"]:
        return bool(request["verb"] == UNHEALTHY)
    return permits(*read(folder), exit_code=exit_code, restarts=restarts)


def read(folder: str) -> tuple[str, int]:
    """Name and largest number of retries of the policy in `spec.json`; `no` for a bundle without one."""
    spec = records.read_json(f"{folder}/spec.json") or {}
    policy = spec.get("restart") or {}
    return policy.get("name", "no"), policy.get("max_retries", 0)


def permits(name: str, max_retries: int, *, exit_code: int, restarts: int) -> bool:
    """What the policy says of an end nobody asked for."""
    if name == "on-failure":
        return exit_code != 0 and (max_retries == 0 or restarts < max_retries)
    return name in ("always", "unless-stopped")


def pause_ms(last_ms: int, ran_s: float) -> int:
    """How long to wait before the next run: twice as long as before the last, from 0.1 s to a minute."""
    if ran_s >= _STEADY_S or last_ms == 0:
        return _FIRST_MS
    return min(2 * last_ms, _LONGEST_MS)
