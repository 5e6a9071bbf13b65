"""create, start, wait and remove of a program that does nothing, against `runc run`, which is all four in one."""

import json
import secrets
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.host import host, spec_of
from bench.measure_start import runc_bundle
from bench.programs import compile_static, rootfs_tar
from bench.result import Result, against
from engine import Engine, Image

IN_A_ROW = 100
TURN = 10  # of the one, then of the other, so that whatever else the machine does hits both
AT_ONCE = 20
ROUNDS = 5
NAMES = {1: f"create, start, wait, remove: {IN_A_ROW} in a row", AT_ONCE: f"the same, {AT_ONCE} at once"}
BAR = 0.25
PATIENCE_S = 60.0


def measure(folder: Path) -> Iterator[Result]:
    """Milliseconds per container: of the median turn one after another, and of the median round all at once."""
    program = compile_static("nothing", folder)
    with host(folder) as engine:
        image = engine.import_rootfs(rootfs_tar(program), reference="nothing:bench")
        cycles: dict[str, Cycle] = {"ours": Ours(engine, image)}
        if shutil.which("runc"):
            cycles["runc"] = Runc(bundles(engine, image, program, folder))
        for at_once, rounds in ((1, IN_A_ROW // TURN), (AT_ONCE, ROUNDS)):
            took: dict[str, list[float]] = {name: [] for name in cycles}
            for _ in range(rounds):
                for name, cycle in cycles.items():
                    took[name].append(ms_per_container(cycle, count=max(at_once, TURN), at_once=at_once))
            ours_ms, theirs = statistics.median(took["ours"]), took.get("runc", [])
            yield against(NAMES[at_once], ours_ms, "runc run", theirs, bar=BAR)


Cycle = Callable[[int], None]
"""One container from nothing to nothing, the argument being its place among those at once. Raises if it fails."""


def ms_per_container(cycle: Cycle, *, count: int, at_once: int) -> float:
    """Live `count` cycles, so many at once. Raises the first failure, and says how many there were."""
    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(time.sleep, [0.01] * at_once))  # every thread is there before the clock runs
        began = time.monotonic()
        cycles = [threads.submit(cycle, number % at_once) for number in range(count)]
        failures = [error for done in cycles if (error := done.exception())]
        took_s = time.monotonic() - began
    if failures:
        raise RuntimeError(f"{len(failures)} of {count} cycles failed") from failures[0]
    return took_s / count * 1000


@dataclass(frozen=True)
class Ours:
    """The engine's four verbs."""

    engine: Engine
    image: Image

    def __call__(self, place: int) -> None:
        """Live one cycle."""
        container = secrets.token_hex(32)
        self.engine.create(container, spec_of(self.image, f"cycle-{container[:12]}", "/nothing"))
        self.engine.start(container)
        ended = self.engine.wait(container, timeout_s=PATIENCE_S)
        if ended is None or ended.exit_code != 0:
            raise RuntimeError(f"{container[:12]} did not end as it should: {ended}")
        self.engine.remove(container)


@dataclass(frozen=True)
class Runc:
    """`runc run`, each at once from a bundle of its own."""

    bundles: list[Path]

    def __call__(self, place: int) -> None:
        """Live one cycle."""
        name, null = f"bench-{secrets.token_hex(6)}", subprocess.DEVNULL
        command = ["runc", "run", "--bundle", str(self.bundles[place]), name]
        subprocess.run(command, check=True, stdin=null, stdout=null)


def bundles(engine: Engine, image: Image, program: Path, folder: Path) -> list[Path]:
    """One for each of runc's containers that live at once, in a control group of its own.

    They mount files of the container they are copied from, which is there until the end.
    """
    container = secrets.token_hex(32)
    engine.create(container, spec_of(image, "pattern", "/nothing"))
    made = []
    for place in range(AT_ONCE):
        bundle = runc_bundle(engine, container, program, folder / f"bundle-{place}")
        config = json.loads((bundle / "config.json").read_text())
        config["linux"]["cgroupsPath"] += f"-{place}"
        (bundle / "config.json").write_text(json.dumps(config))
        made.append(bundle)
    return made
