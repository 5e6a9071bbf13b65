"""What those inside may try on whoever browses their files: nothing beyond the tree is touched, nothing hangs."""

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import AccessChange, Conflict, EngineError, Files, FolderQuery, InvalidSpec, NotFound, StorageFull
from engine.files import Tree, listing, writing
from engine.rootfs.ids import Ids
from tests.services.disks import small_disk
from tests.services.host import Host

TIMES = 12
SWAP = """
import os, sys
os.chdir(sys.argv[1])
while True:
    for old, new in (("a", "c"), ("b", "a"), ("a", "b"), ("c", "a")):
        os.rename(old, new)
"""


@pytest.fixture
def tree(host: Host) -> Iterator[tuple[Files, Path]]:
    """A volume's files, and its folder on the host to play tricks in."""
    volume = host.engine.create_volume("attacked")
    yield host.engine.volume_files("attacked"), Path(volume.mountpoint)
    host.engine.remove_volume("attacked")


@contextmanager
def opened(folder: Path) -> Iterator[Tree]:
    """A folder of the host's as a tree."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Tree(fd, Ids(), "it", folder)
    finally:
        os.close(fd)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the host's that nobody may touch."""
    (tmp_path / "secret").write_text("secret")
    return tmp_path


def test_a_link_leads_nowhere_but_into_the_tree(tree: tuple[Files, Path], outside: Path) -> None:
    files, root = tree
    (root / "out").symlink_to(outside)
    (root / "up").symlink_to("../../../../../../" + str(outside))
    for path in ("/out", "/up", "/out/secret", "/../../../../etc/hostname-of-nobody"):
        with pytest.raises(NotFound):
            files.list(FolderQuery(path))
    with pytest.raises(NotFound):
        files.put("/out/new", io.BytesIO(b"x"))
    with pytest.raises(NotFound):
        files.remove(["/out/secret"])
    assert os.listdir(outside) == ["secret"]
    files.remove(["/out"])
    assert os.listdir(outside) == ["secret"]


@pytest.mark.v2
def test_a_folder_that_is_swapped_for_a_link_again_and_again_leads_nowhere(
    tree: tuple[Files, Path], outside: Path
) -> None:
    files, root = tree
    (root / "a").mkdir()
    (root / "b").symlink_to(outside)
    swapping = subprocess.Popen([sys.executable, "-S", "-c", SWAP, str(root)])
    written, last = 0, time.monotonic() + 10
    try:
        while written < TIMES and time.monotonic() < last:
            try:
                assert "secret" not in [entry.name for entry in files.list(FolderQuery("/a")).entries]
                files.put("/a/secret2", io.BytesIO(b"mine"), replaces=True)
                files.change_access(["/a"], AccessChange("711", is_recursive=True))
                files.remove(["/a/secret2"])
                written += 1
            except (NotFound, InvalidSpec, Conflict):
                continue
    finally:
        swapping.kill()
        swapping.wait()
    assert written
    assert os.listdir(outside) == ["secret"]
    assert (outside / "secret").stat().st_mode & 0o777 != 0o711
    files.remove(["/" + name for name in os.listdir(root)])
    assert (outside / "secret").read_text() == "secret"


def test_pipes_sockets_and_devices_are_never_opened(tree: tuple[Files, Path]) -> None:
    files, root = tree
    os.mkfifo(root / "pipe")
    os.mknod(root / "device", 0o600 | 0o020000, os.makedev(1, 9))
    (root / "etc").mkdir()
    os.mkfifo(root / "etc" / "passwd")
    began = time.monotonic()
    for path in ("/pipe", "/device"):
        for act in (files.view, files.read):
            with pytest.raises(Conflict, match="no file with contents"):
                act(path)
        with pytest.raises(Conflict, match="no regular file"):
            files.put(path, io.BytesIO(b""), replaces=True)
    files.change_access(["/pipe", "/device"], AccessChange("600", owner="5"))
    assert files.list(FolderQuery("/")).total == 3
    assert time.monotonic() - began < 30
    files.remove(["/pipe", "/device", "/etc"])


def test_a_hundred_thousand_names_are_listed_at_once(tmp_path: Path) -> None:
    with small_disk(tmp_path, size_bytes=256 << 20) as disk, opened(disk) as tree:
        for number in range(100_000):
            os.mknod(disk / f"file-{number:06}")
        began = time.monotonic()
        page = listing.list_folder(tree, FolderQuery("/"))
        took_s = time.monotonic() - began
        second = listing.list_folder(tree, FolderQuery("/", after=page.next))
    assert (page.total, page.entries[0].name, len(page.entries)) == (100_000, "file-000000", 200)
    assert second.entries[0].name == "file-000200"
    assert took_s < 1.5  # 0.2 s on a machine that has nothing else to do


def test_a_huge_file_of_holes_is_looked_at_without_reading_it(tree: tuple[Files, Path]) -> None:
    files, root = tree
    with (root / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    began = time.monotonic()
    view = files.view("/sparse")
    assert (view.entry.size_bytes, view.is_truncated, view.digest) == (1 << 40, True, "")
    with files.read("/sparse") as stream:
        assert not any(next(stream))
    assert files.removable(["/sparse"]).size_bytes == 1 << 40
    with pytest.raises(Conflict, match="changed since"):
        files.put("/sparse", io.BytesIO(b""), replaces=True, digest="sha256:" + "0" * 64)
    files.remove(["/sparse"])
    assert time.monotonic() - began < 30


@pytest.mark.v2
def test_what_the_kernel_makes_up_is_read_and_never_waited_for(host: Host) -> None:
    container = host.start("sleep", "600")
    files = host.engine.container_files(container)
    began = time.monotonic()
    assert "sleep" in files.view("/proc/1/cmdline").text or files.view("/proc/1/cmdline").is_binary
    assert "Name:\tsleep" in files.view("/proc/1/status").text
    for path in ("/proc/1/root/etc/passwd", "/proc/1/cwd", "/proc/1/fd/0", "/proc/1/exe"):
        with pytest.raises((InvalidSpec, NotFound, Conflict)):
            files.view(path)
    for folder in ("/proc", "/proc/1", "/sys", "/sys/kernel", "/dev", "/proc/sys/kernel"):
        for entry in files.list(FolderQuery(folder, limit=1000)).entries:
            if entry.type == "file":
                try:
                    files.view(entry.path)
                except EngineError:
                    continue
    with pytest.raises(Conflict, match="made up by the kernel"):
        files.pack("/proc")
    version = os.stat("/proc/version").st_mode
    changes: list[Callable[[], object]] = [
        lambda: files.put("/proc/new", io.BytesIO(b"")),
        lambda: files.put("/proc/sys/kernel/hostname", io.BytesIO(b"x"), replaces=True),
        lambda: files.change_access(["/proc"], AccessChange("600", is_recursive=True)),
        lambda: files.change_access(["/proc/version"], AccessChange("600")),
        lambda: files.change_access(["/sys"], AccessChange(owner="0")),
        lambda: files.move("/etc/passwd", "/proc/passwd"),
        lambda: files.remove(["/proc/version"]),
    ]
    for change in changes:
        with pytest.raises(Conflict, match="made up by the kernel"):
            change()
    assert os.stat("/proc/version").st_mode == version
    assert time.monotonic() - began < 60
    host.engine.remove(container, force=True)


def test_a_start_meanwhile_waits_for_what_is_written(host: Host) -> None:
    """The container is locked while it is written to, so that a start meanwhile mounts its folder only afterwards."""
    container = host.create("cat", "/late")
    files = host.engine.container_files(container)
    threads = [
        threading.Thread(target=lambda: files.put("/late", io.BytesIO(b"in time\n" * (1 << 16)))),
        threading.Thread(target=lambda: host.engine.start(container)),
    ]
    threads[0].start()
    threads[0].join(0.01)
    threads[1].start()
    for thread in threads:
        thread.join()
    host.wait(container)
    assert host.output(container).startswith("in time")


def test_nothing_has_a_name_until_it_is_whole_so_nothing_stays_of_what_was_killed(tree: tuple[Files, Path]) -> None:
    files, root = tree
    seen: list[str] = []

    class Source(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            seen.extend(os.listdir(root))
            return super().read(size)

    files.put("/whole", Source(bytes(3 << 20)))
    assert seen == []
    files.remove(["/whole"])


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with small_disk(tmp_path, size_bytes=16 << 20) as disk:
        with opened(disk) as tree, pytest.raises(StorageFull):
            writing.put(tree, "/large", io.BytesIO(bytes(64 << 20)), replaces=False, digest="")
        assert os.listdir(disk) == []
