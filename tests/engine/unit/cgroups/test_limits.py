"""Limits are changed together: all of them, or none. Ordinary files stand in for the kernel's."""

from pathlib import Path

import pytest

from engine.cgroups import CgroupManager, Hierarchy
from engine.errors import EngineError, KernelError
from engine.spec.runtime import BlockIo, Cpu, Memory, Pids, Resources, ThrottleDevice

FILES = "memory.limit_in_bytes memory.memsw.limit_in_bytes memory.swappiness pids.max cpu.shares cpu.cfs_burst_us"
FILES += " cpu.cfs_period_us cpu.cfs_quota_us blkio.throttle.read_bps_device blkio.throttle.write_bps_device"
CONTROLLERS = ("memory", "cpu", "pids", "blkio")


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

    def recording(path: str, value: str) -> None:
        if Path(path).parent.joinpath("refused").exists() and Path(path).name in (group / "refused").read_text():
            raise KernelError(f"write {value!r}", 16, path)
        write(path, value)
        found.append((Path(path).name, value))

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


def test_memory_with_swap_is_lifted_so_that_memory_can_pass_it(group: Path, written: list[tuple[str, str]]) -> None:
    change(group, Resources(memory=Memory(10, 20)), Resources(memory=Memory(100, 200)))
    assert written == [
        ("memory.memsw.limit_in_bytes", "-1"),
        ("memory.limit_in_bytes", "100"),
        ("memory.memsw.limit_in_bytes", "200"),
    ]


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
