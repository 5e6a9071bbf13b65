"""What a shim costs in memory with 50 idle containers."""

import secrets
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from bench.host import host, spec_of
from bench.processes import parent, pss_mb
from bench.programs import compile_static, rootfs_tar
from bench.result import Result

CONTAINERS = 50
SETTLE_S = 2.0


def measure(folder: Path) -> Iterator[Result]:
    """The mean over the shims: each is the parent of its container's first process."""
    with host(folder) as engine:
        image = engine.import_rootfs(rootfs_tar(compile_static("idle", folder)), reference="idle:bench")
        pids = []
        for number in range(CONTAINERS):
            container = secrets.token_hex(32)
            engine.create(container, spec_of(image, f"idle-{number}", "/idle"))
            pids.append(engine.start(container).pid)
        time.sleep(SETTLE_S)
        shims = {parent(pid) for pid in pids}
        assert len(shims) == CONTAINERS, f"{len(shims)} shims for {CONTAINERS} containers"
        yield Result("shim, PSS with 50 idle containers", statistics.mean(map(pss_mb, shims)), "MB", bar=0.7)
