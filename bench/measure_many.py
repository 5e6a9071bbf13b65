"""Five hundred idle containers: how long it takes until they run, and what they cost while nothing happens."""

import secrets
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from bench.host import host, spec_of
from bench.processes import parent, pss_mb, ran_s
from bench.programs import compile_static, rootfs_tar
from bench.result import Result
from engine import Engine, Image

CONTAINERS = 500
SETTLE_S = 2.0
IDLE_S = 15.0


def measure(folder: Path) -> Iterator[Result]:
    """One after another, as after a reboot. The processes measured are the launcher and its shims."""
    with host(folder) as engine:
        image = engine.import_rootfs(rootfs_tar(compile_static("idle", folder)), reference="idle:bench")
        began = time.monotonic()
        containers = [create(engine, image) for _ in range(CONTAINERS)]
        created = time.monotonic()
        pids = [engine.start(container).pid for container in containers]
        started = time.monotonic()
        yield Result(f"{CONTAINERS} containers, start all", started - created, "s", bar=30.0)
        yield Result(f"{CONTAINERS} containers, create all", created - began, "s")
        time.sleep(SETTLE_S)
        shims = {parent(pid) for pid in pids}
        launchers = {parent(shim) for shim in shims}
        assert (len(shims), len(launchers)) == (CONTAINERS, 1), f"{len(shims)} shims, {len(launchers)} launchers"
        yield Result(f"{CONTAINERS} idle containers, processor", busy_percent(shims | launchers), "%", bar=3.0)
        yield Result(f"{CONTAINERS} idle containers, PSS per shim", statistics.mean(map(pss_mb, shims)), "MB")
        began = time.monotonic()
        for container in containers:
            engine.remove(container, force=True)
        yield Result(f"{CONTAINERS} containers, kill and remove all", time.monotonic() - began, "s")


def create(engine: Engine, image: Image) -> str:
    """Make an idle container; its id."""
    container = secrets.token_hex(32)
    engine.create(container, spec_of(image, f"idle-{container[:12]}", "/idle"))
    return container


def busy_percent(pids: set[int]) -> float:
    """How much of one processor these use while nobody asks for anything."""
    before, began = sum(map(ran_s, pids)), time.monotonic()
    time.sleep(IDLE_S)
    return (sum(map(ran_s, pids)) - before) / (time.monotonic() - began) * 100
