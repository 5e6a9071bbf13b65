"""Ten thousand containers, one after the other, and nothing of them is left."""

import os
from dataclasses import dataclass
from pathlib import Path

from tests.services.host import Host

CYCLES = 10_000
WARM_UP = 200


@dataclass(frozen=True)
class Footprint:
    """What a host holds of the kernel's, and how large the launcher is."""

    descriptors: int
    mounts: int
    processes: int
    groups: int
    folders: int
    launcher_kib: int

    @staticmethod
    def of(host: Host) -> "Footprint":
        """At this moment."""
        launcher = Path(f"/proc/{host.launcher.pid}")
        resident = next(line for line in (launcher / "status").read_text().splitlines() if line.startswith("VmRSS"))
        return Footprint(
            descriptors=len(os.listdir(launcher / "fd")) + len(os.listdir("/proc/self/fd")),
            mounts=(launcher / "mountinfo").read_text().count("\n"),
            processes=len((launcher / f"task/{host.launcher.pid}/children").read_text().split()),
            groups=len(host.engine._runtime.cgroups.names()),
            folders=len(os.listdir(host.home / "containers")),
            launcher_kib=int(resident.split()[1]),
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
    assert after == Footprint(**vars(before) | {"launcher_kib": after.launcher_kib, "mounts": after.mounts})
    assert str(host.home) not in Path("/proc/self/mountinfo").read_text()
