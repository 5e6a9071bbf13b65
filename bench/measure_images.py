"""Images as archives, beside Docker's daemon where it is installed, and a list of a thousand of them by REST."""

import http.client
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.disks import fresh_disk
from bench.result import Result, against
from engine.images import ImageStore
from tests.images import build, debian, directory, docker_archive, layer
from tests.services.dockerd import docker_daemon
from tests.services.panel import Panel

ROUNDS = 3
IMAGES = 1000
LISTS = 20
NAME = "debian:test"


def measure(folder: Path) -> Iterator[Result]:
    """Load and save of a Debian root of some 200 MB as one plain layer, as `docker save` writes it."""
    archive = folder / "debian.tar"
    archive.write_bytes(docker_archive(debian()))
    ours = [_ours(folder, archive) for _ in range(ROUNDS)]
    theirs = [_dockers(folder, archive) for _ in range(ROUNDS)] if shutil.which("dockerd") else []
    for number, name in enumerate(("load of a 200 MB archive", "save of the same image")):
        value = statistics.median(times[number] for times in ours)
        yield against(name, value, "dockerd", [times[number] for times in theirs], bar=0.5)
    yield Result(f"list of {IMAGES} images, REST", _list_ms(folder), "ms", bar=50.0)


def _ours(folder: Path, archive: Path) -> tuple[float, float]:
    with fresh_disk(folder) as disk:
        store = ImageStore(disk / "store")
        return _ms(lambda: _load(store, archive)), _ms(lambda: _save(store, disk / "saved.tar"))


def _load(store: ImageStore, archive: Path) -> None:
    with archive.open("rb") as file:
        store.load(file)


def _save(store: ImageStore, path: Path) -> None:
    with path.open("wb") as file, store.save([NAME], form="docker") as pieces:
        file.writelines(pieces)


def _dockers(folder: Path, archive: Path) -> tuple[float, float]:
    with fresh_disk(folder) as disk, docker_daemon(disk) as docker:
        load = _ms(lambda: docker.call("load", "--input", str(archive)))
        return load, _ms(lambda: docker.call("save", "--output", str(disk / "saved.tar"), NAME))


def _ms(act: Callable[[], object]) -> float:
    begun = time.monotonic()
    act()
    return (time.monotonic() - begun) * 1e3


def _list_ms(folder: Path) -> float:
    """Median time until the whole answer is there, on one connection, of a panel whose host has so many images."""
    panel = Panel(folder)
    try:
        panel.start()
        below = layer(directory("srv"))
        several = (build(f"team/app-{n}:1", [below], config={"Labels": {"n": str(n)}}) for n in range(IMAGES))
        status, operation = panel.request("POST", "images/load/", docker_archive(*several), wait_s=60)
        assert status == http.client.OK, operation
        assert panel.request("GET", "images/")[1]["count"] == IMAGES
        return statistics.median(_lists(panel))
    finally:
        panel.stop()


def _lists(panel: Panel) -> Iterator[float]:
    connection = http.client.HTTPConnection(panel.bind)
    for _ in range(LISTS):
        begun = time.monotonic()
        headers = {"Authorization": f"Bearer {panel.token}"}
        connection.request("GET", f"/api/v1/images/?page_size={IMAGES}", headers=headers)
        connection.getresponse().read()
        yield (time.monotonic() - begun) * 1e3
    connection.close()
