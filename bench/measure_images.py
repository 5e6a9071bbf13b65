"""Images as archives, beside Docker's daemon where it is installed, and a list of a thousand of them by REST."""

import http.client
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

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
    """Both of a Debian root of some 200 MB as one plain layer, as `docker save` writes it."""
    archive = folder / "debian.tar"
    archive.write_bytes(docker_archive(debian()))
    store = ImageStore(folder / "store")
    load = _median(lambda: _load(store, archive), lambda: store.remove(NAME, users=dict))
    save = _median(lambda: _save(store, folder / "ours.tar"), lambda: None)
    their_load, their_save = _dockers(folder, archive)
    yield against("load of a 200 MB archive", load, "dockerd", their_load, bar=0.5)
    yield against("save of the same image", save, "dockerd", their_save, bar=0.5)
    yield Result(f"list of {IMAGES} images, REST", _list_ms(folder), "ms", bar=50.0)


def _load(store: ImageStore, archive: Path) -> None:
    with archive.open("rb") as file:
        store.load(file)


def _save(store: ImageStore, path: Path) -> None:
    with path.open("wb") as file, store.save([NAME], form="docker") as pieces:
        file.writelines(pieces)


def _dockers(folder: Path, archive: Path) -> tuple[list[float], list[float]]:
    """Docker's times, one of each; none where it is not installed."""
    if not shutil.which("dockerd"):
        return [], []
    with docker_daemon(folder) as docker:
        load = _median(
            lambda: docker.call("load", "--input", str(archive)), lambda: docker.call("rmi", "--force", NAME)
        )
        save = _median(lambda: docker.call("save", "--output", str(folder / "docker.tar"), NAME), lambda: None)
    return [load], [save]


def _median(act: Callable[[], object], undo: Callable[[], object]) -> float:
    """Milliseconds of `act`, which is undone after each round but the last."""
    times = []
    for number in range(ROUNDS):
        if number:
            undo()
        begun = time.monotonic()
        act()
        times.append((time.monotonic() - begun) * 1e3)
    return statistics.median(times)


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
