"""The whole panel: its memory when idle, and how soon a container runs that is started by REST through Celery."""

import http.client
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.processes import descendants, pss_mb
from bench.programs import compile_static, rootfs_tar
from bench.result import Result
from tests.services.panel import Panel

SETTLE_S = 15.0
STARTS = 60


def measure(folder: Path) -> Iterator[Result]:
    """Idle memory first, before the panel has done anything but start."""
    panel = Panel(folder)
    try:
        panel.start()
        time.sleep(SETTLE_S)
        yield Result("idle panel, PSS of all processes", idle_mb(panel), "MB", bar=350.0)
        yield Result("REST start to running through Celery", start_ms(panel, folder), "ms", bar=40.0)
        panel.remove_containers()
    finally:
        panel.stop()


def idle_mb(panel: Panel) -> float:
    """The supervisor and everything it started, without shims and containers: there are none yet."""
    assert panel.process
    return sum(pss_mb(pid) for pid in (panel.process.pid, *descendants(panel.process.pid)))


def start_ms(panel: Panel, folder: Path) -> float:
    """Median time of `POST …/start/` that waits until the container runs."""
    image = rootfs_tar(compile_static("idle", folder)).read()
    call(panel, "POST", "images/import/?reference=idle:bench", image)
    spec = {"name": "idle", "image": "idle:bench", "command": ["/idle"]}
    container = call(panel, "POST", "containers/", spec)["object_id"]
    times = []
    for _ in range(STARTS):
        called = time.monotonic()
        call(panel, "POST", f"containers/{container}/start/", {})
        times.append((time.monotonic() - called) * 1e3)
        call(panel, "POST", f"containers/{container}/kill/", {})
        wait_for_end(panel, container)
    return statistics.median(times)


def wait_for_end(panel: Panel, container: str) -> None:
    """Return when the panel has recorded that the container ended."""
    while panel.request("GET", f"containers/{container}/")[1]["status"] == "running":
        time.sleep(0.02)


def call(panel: Panel, method: str, path: str, body: object) -> Any:
    """A request that waits for its operation, which must succeed; the operation."""
    status, operation = panel.request(method, path, body, wait_s=30)
    assert status < http.client.BAD_REQUEST, json.dumps(operation)
    assert operation["status"] == "done", json.dumps(operation)
    return operation
