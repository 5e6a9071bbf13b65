"""The smallest memory limit under which a program that does nothing starts and ends well."""

import itertools
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.host import host, spec_of
from bench.programs import compile_static, rootfs_tar
from bench.result import Result
from engine import Engine, EngineError, Image, Resources

MIB = 1 << 20
STEPS = (4.0, 3.0, 2.0, 1.0, 0.75, 0.5, 0.375, 0.25, 0.125, 0.0625)
TRIES = 5
PATIENCE_S = 30.0


def measure(folder: Path) -> Iterator[Result]:
    """From step to step as long as every try goes well; without any the bar is missed by infinitely much."""
    with host(folder) as engine:
        image = engine.import_rootfs(rootfs_tar(compile_static("nothing", folder)), reference="nothing:bench")
        enough = itertools.takewhile(lambda mib: all(fits(engine, image, mib) for _ in range(TRIES)), STEPS)
        least = min(enough, default=float("inf"))
    yield Result("smallest memory limit a container starts under", least, "MiB", bar=1.0)


def fits(engine: Engine, image: Image, mib: float) -> bool:
    """Whether the program ends with exit code 0 under this limit."""
    container = secrets.token_hex(32)
    spec = replace(spec_of(image, "small", "/nothing"), resources=Resources(memory_bytes=int(mib * MIB)))
    engine.create(container, spec)
    try:
        engine.start(container)
        ended = engine.wait(container, timeout_s=PATIENCE_S)
    except EngineError:
        return False
    finally:
        engine.remove(container, force=True)
    return ended is not None and ended.exit_code == 0
