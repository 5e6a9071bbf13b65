"""A log on a disk that stands still, for real: a file system of its own that is frozen (ioctl_fsfreeze(2))."""

import fcntl
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import LogConfig, LogDriver, LogMode, Mount, MountType
from tests.images import busybox, docker_archive
from tests.services.disks import mounted
from tests.services.host import Host, running_host
from tests.services.processes import wait_until

FIFREEZE, FITHAW = 0xC0045877, 0xC0045878  # <linux/fs.h>
LINE = b"a line of output"
LINES = 300_000
WRITE = f"yes '{LINE.decode()}' | head -n {LINES}"
SCRIPT = f"until [ -e /mnt/go ]; do sleep 0.02; done; {WRITE}; touch /mnt/done; exec sleep 60"


@pytest.fixture(scope="module")
def disk_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host whose state is on a disk of its own."""
    with mounted(tmp_path_factory.mktemp("frozen"), "ext4", "-q", "-F") as at, running_host(str(at)) as host:
        host.engine.load_image(io.BytesIO(docker_archive(busybox("busybox:test"))))
        yield host


@contextmanager
def frozen(host: Host) -> Iterator[None]:
    """Nothing is written to the host's disk for the time of the block: whoever tries waits."""
    fd = os.open(host.home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(fd, FIFREEZE, 0)
        try:
            yield
        finally:
            fcntl.ioctl(fd, FITHAW, 0)
    finally:
        os.close(fd)


def start(host: Host, shared: Path, driver: LogDriver, mode: LogMode) -> str:
    """A container that writes `LINES` lines once `shared` has `go`, and tells there when it has."""
    mount = Mount(MountType.BIND, "/mnt", str(shared))
    return host.start("sh", "-c", SCRIPT, log=LogConfig(driver, mode=mode), mounts=(mount,))


@pytest.mark.parametrize("driver", [LogDriver.LOCAL, LogDriver.JSON_FILE])
def test_a_program_never_waits_for_a_disk_that_stands_still(disk_host: Host, tmp_path: Path, driver: LogDriver) -> None:
    container = start(disk_host, tmp_path, driver, LogMode.NON_BLOCKING)
    with frozen(disk_host):
        (tmp_path / "go").touch()
        wait_until((tmp_path / "done").exists, "the program has written everything", timeout_s=30)
    disk_host.engine.kill(container)
    disk_host.wait(container)
    lines = disk_host.lines(container)
    kept = [line.text for line in lines if line.stream == "stdout"]
    told = [line.text.split() for line in lines if line.stream != "stdout"]
    assert set(kept) == {LINE}
    assert 0 < len(kept) < LINES
    assert sum(int(words[5]) for words in told) == LINES - len(kept)
    assert sum(int(words[0].strip(b"[")) for words in told) == (LINES - len(kept)) * (len(LINE) + 1)


def test_in_the_usual_mode_it_waits_and_nothing_is_lost(disk_host: Host, tmp_path: Path) -> None:
    container = start(disk_host, tmp_path, LogDriver.LOCAL, LogMode.BLOCKING)
    with frozen(disk_host):
        (tmp_path / "go").touch()
        with pytest.raises(TimeoutError):
            wait_until((tmp_path / "done").exists, "the program has written everything", timeout_s=1)
    wait_until((tmp_path / "done").exists, "the program has written everything", timeout_s=30)
    disk_host.engine.kill(container)
    disk_host.wait(container)
    assert disk_host.output(container) == f"{LINE.decode()}\n" * LINES
