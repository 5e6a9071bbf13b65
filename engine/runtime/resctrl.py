"""Puts a container into a class of Intel's Resource Director Technology (config-linux.md, "IntelRdt").

The kernel shows classes as folders of a resctrl file system (arch/x86/resctrl.rst).
"""

from pathlib import Path

from engine.errors import Conflict, NotFound, Unsupported
from engine.spec.runtime import IntelRdt


def find() -> Path:
    """Where resctrl is mounted, by proc_pid_mountinfo(5). Raises Unsupported."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("resctrl "):
            return Path(before.split()[4])
    raise Unsupported(
        "linux.intelRdt needs a resctrl file system, and none is mounted on this host.",
        hint="Mount one at /sys/fs/resctrl, if the processor has it.",
    )


def join(root: Path, container_id: str, wanted: IntelRdt, pid: int) -> None:
    """Have the process in its class, a new one named like the container if none is named.

    Raises NotFound for a class that should be there, Conflict for one that has other schemata than asked for.
    """
    folder = root / (wanted.clos_id or container_id)
    asked = schemata(wanted)
    is_new = not folder.exists()
    if is_new and wanted.clos_id and not asked:
        raise NotFound(f"linux.intelRdt.closID: there is no class {wanted.clos_id} on this host.")
    folder.mkdir(exist_ok=True)
    if asked and (is_new or not wanted.clos_id):
        (folder / "schemata").write_text("".join(f"{line}\n" for line in asked))
    elif asked and not set(asked) <= set((folder / "schemata").read_text().split()):
        raise Conflict(f"linux.intelRdt.closID: class {wanted.clos_id} has other schemata than those asked for.")
    (folder / "tasks").write_text(str(pid))


def schemata(wanted: IntelRdt) -> list[str]:
    """The lines to be written: those of the cache that are not about bandwidth, or all if no bandwidth is asked for."""
    lines = wanted.l3_cache_schema.split("\n") if wanted.l3_cache_schema else []
    if wanted.mem_bw_schema:
        lines = [*(line for line in lines if not line.startswith("MB:")), wanted.mem_bw_schema]
    return lines


def leave(root: Path, container_id: str) -> None:
    """Take away the class that was made for the container."""
    folder = root / container_id
    if folder.is_dir():
        folder.rmdir()
