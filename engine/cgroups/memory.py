"""The memory controller: how much memory and swap, and how much is spared (cgroup-v1/memory.rst, cgroup-v2.rst)."""

from engine.cgroups.setting import HasFile, Setting
from engine.errors import InvalidSpec, Unsupported
from engine.spec.runtime import Memory, Resources


def v1(resources: Resources, _: HasFile) -> list[Setting]:
    """Settings. Memory with swap may not be below memory alone, so it is set last."""
    memory = resources.memory or Memory()
    found = {
        "memory.limit_in_bytes": memory.limit,
        "memory.soft_limit_in_bytes": memory.reservation,
        "memory.kmem.limit_in_bytes": memory.kernel,
        "memory.kmem.tcp.limit_in_bytes": memory.kernel_tcp,
    }
    settings = [Setting(file, str(value), "-1") for file, value in found.items() if value]
    if memory.swap:
        settings.append(Setting("memory.memsw.limit_in_bytes", str(memory.swap), "-1"))
    if memory.swappiness is not None:
        settings.append(Setting("memory.swappiness", str(memory.swappiness), None))
    if memory.disable_oom_killer:
        settings.append(Setting("memory.oom_control", "1", "0"))
    return settings


def v2(resources: Resources, _: HasFile) -> list[Setting]:
    """Settings; swap is counted apart from memory. Raises Unsupported for what only v1 can do."""
    memory = resources.memory or Memory()
    _refuse_v1_only(memory)
    settings = []
    if memory.limit:
        settings.append(Setting("memory.max", _maximum(memory.limit), "max"))
    if memory.reservation:
        settings.append(Setting("memory.low", str(max(memory.reservation, 0)), "0"))
    if memory.swap:
        settings.append(Setting("memory.swap.max", _maximum(_swap_alone(memory)), "max"))
    return settings


def _swap_alone(memory: Memory) -> int:
    if memory.swap is None or memory.swap < 0:
        return -1
    if not memory.limit or memory.limit < 0:
        raise InvalidSpec("linux.resources.memory.swap", "needs a limit of memory too")
    return memory.swap - memory.limit


def _maximum(value: int) -> str:
    return "max" if value < 0 else str(value)


def _refuse_v1_only(memory: Memory) -> None:
    only_v1 = {
        "swappiness": memory.swappiness is not None,
        "disableOOMKiller": bool(memory.disable_oom_killer),
        "kernel": bool(memory.kernel),
        "kernelTCP": bool(memory.kernel_tcp),
    }
    for name, is_asked in only_v1.items():
        if is_asked:
            raise Unsupported(
                f"cgroup v2 has nothing for memory {name}, so it cannot be kept.",
                hint="Do without it; a limit of memory counts the kernel's memory too.",
            )
