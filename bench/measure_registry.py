"""Pulls and pushes beside Docker's daemon where it is installed, from and to the same kind of registry on loopback."""

import io
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from isal import igzip

from bench.disks import fresh_disk
from bench.result import Result, against
from engine.images import ImageStore
from tests.images import build, debian, docker_archive, file, layer
from tests.services.dockerd import Docker, docker_daemon
from tests.services.registry import RunningRegistry, registry_running

ROUNDS = 3
SMALL_LAYERS = 40
DEBIAN, SMALL = "debian:1", "small:1"
LARGE_BYTES = 2 << 30

PULL = """
import sys
from pathlib import Path
from engine.images import ImageStore
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
store = ImageStore(Path(sys.argv[1]))
store.list()
idle = peak()
store.pull(sys.argv[2])
print(peak() - idle)
"""


@dataclass
class Side:
    """One of the two, with an empty store: how it pulls, and pushes what it has under another name."""

    pull: Callable[[str], object]
    push: Callable[[str, str], object]


class Times(defaultdict[str, list[float]]):
    """Milliseconds of each round by what was done."""

    def __init__(self) -> None:
        super().__init__(list)

    def take(self, what: str, act: Callable[[], object]) -> None:
        """Do it, and remember how long it took."""
        begun = time.monotonic()
        act()
        self[what].append((time.monotonic() - begun) * 1e3)


def measure(folder: Path) -> Iterator[Result]:
    """A Debian root of some 200 MB in one layer, an image of many small layers, and how much memory a large one takes.

    Both sides take turns, so that what else the machine does meets both, and begin with an empty store on a fresh disk
    each time.
    """
    rows = (
        (DEBIAN, "pull of a 200 MB Debian layer"),
        (SMALL, f"pull of {SMALL_LAYERS} small layers"),
        ("push", "push of the Debian image"),
    )
    with ExitStack() as stack:
        registry = stack.enter_context(_registry(folder / "registry"))
        _fill(registry, folder)
        ours, theirs = Times(), Times()
        for number in range(ROUNDS):
            with fresh_disk(folder) as disk:
                _round(_ours(disk / "home"), ours, registry, folder / f"empty-{number}")
            if shutil.which("dockerd"):
                with fresh_disk(folder) as disk, docker_daemon(disk) as docker:
                    _round(_dockers(docker), theirs, registry, folder / f"emptied-{number}")
        for what, name in rows:
            yield against(name, statistics.median(ours[what]), "dockerd", theirs[what], bar=0.4)
        yield Result("memory of a pull of a 2 GB layer", _memory_mib(folder / "large", registry), "MiB", bar=100.0)


def _round(side: Side, times: Times, registry: RunningRegistry, folder: Path) -> None:
    """Pull both, and push one to a registry that has nothing yet."""
    names = [f"{registry.name}/{repository}" for repository in (DEBIAN, SMALL)]
    for repository, name in zip((DEBIAN, SMALL), names, strict=True):
        times.take(repository, partial(side.pull, name))
    with _registry(folder) as empty:
        times.take("push", partial(side.push, names[0], f"{empty.name}/{DEBIAN}"))


def _ours(home: Path) -> Side:
    store = ImageStore(home)
    store.repair()
    return Side(store.pull, lambda name, target: store.push(name, reference=target))


def _dockers(docker: Docker) -> Side:
    def push(name: str, target: str) -> None:
        docker.call("tag", name, target)
        docker.call("push", "--quiet", target)

    return Side(partial(docker.call, "pull", "--quiet"), push)


def _registry(folder: Path) -> AbstractContextManager[RunningRegistry]:
    return registry_running(_made(folder))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _fill(registry: RunningRegistry, folder: Path) -> None:
    small = [layer(*(file(f"{n}/{m}", os.urandom(8000)) for m in range(5))) for n in range(SMALL_LAYERS)]
    archive = folder / "archive.tar"
    for built, repository in ((debian(), DEBIAN), (build(SMALL, small), SMALL)):
        archive.write_bytes(docker_archive(built))
        registry.put(archive, repository)
    archive.unlink()


def _memory_mib(folder: Path, registry: RunningRegistry) -> float:
    """What the peak of another process grows by when it pulls a layer of one large file."""
    folder.mkdir()
    tarball, name = folder / "large.tar.gz", f"{registry.name}/large:1"
    half = os.urandom(512 << 10) + bytes(512 << 10)
    with igzip.IGzipFile(tarball, "wb", 0) as file_, tarfile.open(fileobj=file_, mode="w|") as tar:  # type: ignore[no-untyped-call]
        entry = tarfile.TarInfo("large")
        entry.size = LARGE_BYTES
        tar.addfile(entry, _Repeated(half))
    store = ImageStore(folder / "from")
    with tarball.open("rb") as source:
        store.import_rootfs(source, reference=name)
    tarball.unlink()
    store.push(name)
    call = [sys.executable, "-c", PULL, str(folder / "to"), name]
    return float(subprocess.run(call, check=True, capture_output=True, text=True, timeout=600).stdout)


class _Repeated(io.RawIOBase):
    """A block again and again."""

    def __init__(self, block: bytes) -> None:
        super().__init__()
        self._block, self._position = block, 0

    def read(self, size: int = -1, /) -> bytes:
        start = self._position % len(self._block)
        data = self._block[start : start + size]
        self._position += len(data)
        return data + self.read(size - len(data)) if 0 < len(data) < size else data
