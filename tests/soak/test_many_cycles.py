"""Ten thousand containers, one after the other, and nothing of them is left."""

import os
from dataclasses import dataclass
from pathlib import Path

from tests.services.host import Host

CYCLES = 10_000
WARM_UP = 200


@dataclass(frozen=True)
class Footprint:
    """What a host holds of the kernel's, and how large launcher and zygote are."""

    descriptors: int
    mounts: int
    processes: int
    groups: int
    folders: int
    launcher_kib: int
    zygote_kib: int

    @staticmethod
    def of(host: Host) -> "Footprint":
        """At this moment."""
        launcher = Path(f"/proc/{host.launcher.pid}")
        children = (launcher / f"task/{host.launcher.pid}/children").read_text().split()
        zygote = next(pid for pid in children if name_of(pid) == "moorage-zygote")
        return Footprint(
            descriptors=len(os.listdir(launcher / "fd")) + len(os.listdir("/proc/self/fd")),
            mounts=(launcher / "mountinfo").read_text().count("\n"),
            processes=len(children),
            groups=len(host.engine._runtime.cgroups.names()),
            folders=len(os.listdir(host.home / "containers")),
            launcher_kib=resident_kib(launcher),
            zygote_kib=resident_kib(Path(f"/proc/{zygote}")),
        )


def name_of(pid: str) -> str:
    """What the process is called."""
    return Path(f"/proc/{pid}/comm").read_text().strip()


def resident_kib(process: Path) -> int:
    """How much memory the process has."""
    return next(
        int(line.split()[1]) for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS")
    )


def test_ten_thousand_containers_leave_nothing(host: Host) -> None:
    before = None
    for cycle in range(CYCLES):
        if cycle == WARM_UP:
            before = Footprint.of(host)
        container = host.start("true")
        host.wait(container)
        host.engine.remove(container)
    after = Footprint.of(host)
    assert before is not None
    assert after.launcher_kib - before.launcher_kib < 512
    assert after.zygote_kib - before.zygote_kib < 512
    now = {name: vars(after)[name] for name in ("launcher_kib", "zygote_kib", "mounts")}
    assert after == Footprint(**vars(before) | now)
    assert str(host.home) not in Path("/proc/self/mountinfo").read_text()
