"""Disk traffic: what a container reads and writes is counted, and held down where that was asked for."""

import os
import time
from pathlib import Path

import pytest

from engine import InvalidSpec, Resources, ThrottleDevice
from tests.services.host import Host

pytestmark = pytest.mark.v2
KIB = 1 << 10


def disk_below(folder: Path) -> str:
    """The block device that the folder's file system is on."""
    wanted = os.stat(folder).st_dev
    for path in Path("/dev").iterdir():
        if path.is_block_device() and path.stat().st_rdev == wanted:
            return str(path)
    pytest.skip("the file system of the tests is not on a block device with a node of its own")


def test_writes_are_counted_and_held_down(host: Host) -> None:
    disk = disk_below(host.home)
    write = "sleep 0.3; dd if=/dev/zero of=/file bs=64k count=8 conv=fsync oflag=direct 2>&1 && echo written; sleep 60"
    container = host.start("sh", "-c", write, resources=Resources(device_write_bps=(ThrottleDevice(disk, 512 * KIB),)))
    began = time.monotonic()
    while "written" not in host.output(container):
        assert time.monotonic() - began < 30
        time.sleep(0.05)
    assert time.monotonic() - began > 0.7
    written = sum(item.write_bytes for item in host.engine.stats(container).io)
    assert written >= 512 * KIB
    host.engine.remove(container, force=True)


def test_only_block_devices_of_this_host_can_be_held_down(host: Host) -> None:
    for path, why in (("/dev/null", "is not a block device"), ("/dev/none", "No such file")):
        with pytest.raises(InvalidSpec, match=rf"device_read_iops\[0\].path: .*{why}"):
            host.create("true", resources=Resources(device_read_iops=(ThrottleDevice(path, 5),)))
