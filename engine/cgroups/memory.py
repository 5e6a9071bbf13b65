"""The memory controller: how much memory, and how much swap on top (cgroup-v1/memory.rst, cgroup-v2.rst)."""

from engine.spec.runtime import Resources


def v1(resources: Resources) -> list[tuple[str, str]]:
    """File and value pairs. Memory with swap may not be set below memory alone, so the order matters."""
    memory = resources.memory
    if memory is None or memory.limit is None:
        return []
    writes = [("memory.limit_in_bytes", str(memory.limit))]
    if memory.swap is not None:
        writes.append(("memory.memsw.limit_in_bytes", str(memory.swap)))
    return writes


def v2(resources: Resources) -> list[tuple[str, str]]:
    """File and value pairs; v2 counts swap apart from memory."""
    memory = resources.memory
    if memory is None or memory.limit is None:
        return []
    writes = [("memory.max", str(memory.limit))]
    if memory.swap is not None:
        writes.append(("memory.swap.max", "max" if memory.swap < 0 else str(memory.swap - memory.limit)))
    return writes
