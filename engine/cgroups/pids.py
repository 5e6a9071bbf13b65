"""The pids controller: how many processes and threads (cgroup-v1/pids.rst; v2 is the same)."""

from engine.spec.runtime import Resources


def v1(resources: Resources) -> list[tuple[str, str]]:
    """File and value pairs."""
    if resources.pids is None:
        return []
    return [("pids.max", "max" if resources.pids.limit <= 0 else str(resources.pids.limit))]


v2 = v1
