"""Limits are changed together: all of them, or none. Ordinary files stand in for the kernel's."""

from pathlib import Path

import pytest

from engine.cgroups import CgroupManager, Hierarchy
from engine.errors import EngineError, KernelError
from engine.spec.runtime import BlockIo, Cpu, Memory, Pids, Resources, ThrottleDevice

FILES = "memory.limit_in_bytes memory.memsw.limit_in_bytes memory.swappiness pids.max cpu.shares cpu.cfs_burst_us"
FILES += " cpu.cfs_period_us cpu.cfs_quota_us blkio.throttle.read_bps_device blkio.throttle.write_bps_device"
CONTROLLERS = ("memory", "cpu", "pids", "blkio")

LARGER = {"memory.limit_in_bytes": "memory.memsw.limit_in_bytes", "cpu.cfs_burst_us": "cpu.cfs_quota_us"}
"""Files whose number may not be above that of another."""
SMALLER = {above: below for below, above in LARGER.items()}


def number(file: Path) -> int:
    """What the file holds; nothing, as -1, is no limit."""
    text = file.read_text().strip()
    return int(text) % (1 << 64) if text else (1 << 64) - 1


@pytest.fixture
def group(tmp_path: Path) -> Path:
    """A group `x` of a v1 host with everything in one hierarchy, its files empty."""
    folder = tmp_path / "m" / "x"
    folder.mkdir(parents=True)
    for name in FILES.split():
        (folder / name).write_text("")
    (tmp_path / "m" / "memory.swappiness").write_text("60\n")
    return folder


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, group: Path) -> list[tuple[str, str]]:
    """Every write so far, by file name; those to a file named in `refused` fail."""
    from engine.cgroups import control_files

    found: list[tuple[str, str]] = []
    write = control_files.write

    def recording(path: str, *values: str) -> None:
        name = Path(path).name
        if (group / "refused").exists() and name in (group / "refused").read_text():
            raise KernelError(f"write {values}", 16, path)
        if name in LARGER and number(group / LARGER[name]) < int(values[0]) % (1 << 64):
            raise KernelError(f"write {values}", 22, path)
        if name in SMALLER and number(group / SMALLER[name]) > int(values[0]) % (1 << 64):
            raise KernelError(f"write {values}", 22, path)
        write(path, *values)
        Path(path).write_text(values[0])  # the kernel's files hold nothing of what was there before
        found.append((name, values[0]))

    monkeypatch.setattr(control_files, "write", recording)
    return found


def change(group: Path, before: Resources, after: Resources) -> None:
    CgroupManager("m", [Hierarchy(group.parents[1], 1, CONTROLLERS)]).update("x", before, after)


def test_only_what_differs_is_written(group: Path, written: list[tuple[str, str]]) -> None:
    before = Resources(pids=Pids(5), cpu=Cpu(shares=10))
    change(group, before, Resources(pids=Pids(6), cpu=Cpu(shares=10)))
    assert written == [("pids.max", "6")]
    change(group, before, before)
    assert len(written) == 1


def test_what_is_not_asked_any_more_is_cleared(group: Path, written: list[tuple[str, str]]) -> None:
    reads = BlockIo(throttle_read_bps_device=(ThrottleDevice(8, 0, 5), ThrottleDevice(8, 16, 6)))
    before = Resources(pids=Pids(5), cpu=Cpu(10, 5000, 10000), memory=Memory(swappiness=3), block_io=reads)
    fewer = BlockIo(throttle_read_bps_device=(ThrottleDevice(8, 16, 6),))
    change(group, before, Resources(block_io=fewer))
    assert sorted(written) == [
        ("blkio.throttle.read_bps_device", "8:0 0"),
        ("cpu.cfs_period_us", "100000"),
        ("cpu.cfs_quota_us", "-1"),
        ("cpu.shares", "1024"),
        ("memory.swappiness", "60"),
        ("pids.max", "max"),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Memory(10, 20), Memory(100, 200)),
        (Memory(100, 200), Memory(10, 20)),
        (Memory(10, 20), Memory()),
        (Memory(10, 10), Memory(100, -1)),
    ],
)
def test_memory_and_memory_with_swap_pass_each_other(
    group: Path, written: list[tuple[str, str]], before: Memory, after: Memory
) -> None:
    change(group, Resources(), Resources(memory=before))
    change(group, Resources(memory=before), Resources(memory=after))
    held = [(group / f"memory.{name}").read_text() for name in ("limit_in_bytes", "memsw.limit_in_bytes")]
    assert held == [str(after.limit or -1), str(after.swap or -1)]


def test_a_quota_falls_below_the_burst_it_had(group: Path, written: list[tuple[str, str]]) -> None:
    (group / "cpu.cfs_burst_us").write_text("0")
    before = Resources(cpu=Cpu(quota=50000, period=100000, burst=20000))
    change(group, Resources(), before)
    change(group, before, Resources(cpu=Cpu(quota=5000, period=100000, burst=1000)))
    assert [(group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "burst")] == ["5000", "1000"]


def test_a_refused_limit_leaves_the_old_ones_in_force(group: Path, written: list[tuple[str, str]]) -> None:
    before = Resources(memory=Memory(10, 20), cpu=Cpu(5, 5000, 10000, burst=100))
    change(group, Resources(), before)
    old = {name: (group / name).read_text() for name in FILES.split()}
    (group / "refused").write_text("pids.max")
    with pytest.raises(EngineError, match=r"pids\.max"):
        change(group, before, Resources(memory=Memory(5, 5), cpu=Cpu(6, 1000, 2000), pids=Pids(1)))
    held = {name: (group / name).read_text() for name in FILES.split()}
    assert held == old | {"cpu.shares": "5"}
    assert ("memory.limit_in_bytes", "5") in written


def test_a_limit_whose_file_is_missing_is_refused_before_the_group_is_touched_for_good(group: Path) -> None:
    (group / "pids.max").unlink()
    with pytest.raises(EngineError, match=r"no control file pids\.max"):
        change(group, Resources(), Resources(cpu=Cpu(shares=7), pids=Pids(1)))
    assert (group / "cpu.shares").read_text() == "1024"
