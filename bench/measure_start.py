"""Engine start to the first instruction of a static binary, against `runc run` on the same bundle in the same run.

And against the floor under any start: the same system calls made by a C program (`floor.c`).
"""

import json
import os
import secrets
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.floor import Floor
from bench.host import host, spec_of
from bench.programs import compile_static, rootfs_tar
from bench.result import Result, against
from engine import Engine, Image

RUNS = 100
QUIET_S = 0.02  # a start finds the last one's end over and done with, as when somebody asks now and then
PATIENCE_S = 60.0
NAME = "engine start to first instruction, network none"


def measure(folder: Path) -> Iterator[Result]:
    """All in turn, so that whatever else the machine does hits all."""
    program = compile_static("stamp", folder)
    with host(folder) as engine:
        image = engine.import_rootfs(rootfs_tar(program), reference="stamp:bench")
        usual, of_host = (create(engine, image, userns) for userns in ("", "host"))
        bundle = runc_bundle(engine, usual, program, folder / "bundle") if shutil.which("runc") else None
        floor = Floor.make(engine, image, "/stamp", folder / "floor") if os.uname().machine == "x86_64" else None
        called: dict[str, list[int]] = {usual: [], of_host: []}
        theirs: list[float] = []
        least: list[float] = []
        for number in range(RUNS):
            for container in (usual, of_host) if number % 2 else (of_host, usual):
                called[container].append(start(engine, container))
            least += [floor.start()] if floor else []
            theirs += [run_runc(bundle)] if bundle else []
        usual_ms, of_host_ms = (median_ms(engine, container, called[container]) for container in (usual, of_host))
    yield against(NAME, usual_ms, "runc run", theirs, bar=0.15)
    yield against(f"{NAME}, beside its floor", usual_ms, "the same calls in C", least, bar=3.0)
    yield Result("what the user namespace adds to it", usual_ms - of_host_ms, "ms", bar=0.3)


def create(engine: Engine, image: Image, userns: str) -> str:
    """A container that says when its program began; its id."""
    container = secrets.token_hex(32)
    spec = replace(spec_of(image, f"stamp-{container[:12]}", "/stamp"), userns=userns)
    engine.create(container, spec)
    return container


def start(engine: Engine, container: str) -> int:
    """Start and wait for the end; when the call was made (CLOCK_MONOTONIC, ns)."""
    time.sleep(QUIET_S)
    called = time.monotonic_ns()
    engine.start(container)
    engine.wait(container, timeout_s=PATIENCE_S)
    return called


def median_ms(engine: Engine, container: str, called: list[int]) -> float:
    """From the calls to the moments that the program wrote, one line a run."""
    stamps = [int(line.text) for batch in engine.logs(container).read() for line in batch.lines]
    return statistics.median((stamp - call) / 1e6 for stamp, call in zip(stamps, called, strict=True))


def runc_bundle(engine: Engine, container: str, program: Path, bundle: Path) -> Path:
    """The container's own bundle for runc, on a plain root folder: runc mounts no overlay, which is in its favour."""
    config = engine.inspect(container)["config"]
    rootfs = bundle / "rootfs"
    for name in ("dev", "proc", "sys", "etc", "tmp"):
        (rootfs / name).mkdir(parents=True)
    shutil.copy2(program, rootfs / program.name)
    config["root"] = {"path": "rootfs", "readonly": False}
    # The host's ids, which is what runc is run with nearly everywhere, and quicker for it.
    config["linux"]["namespaces"] = [item for item in config["linux"]["namespaces"] if item["type"] != "user"]
    config["linux"]["cgroupsPath"] = "/moorage-bench-runc"
    (bundle / "config.json").write_text(json.dumps(config))
    return bundle


def run_runc(bundle: Path) -> float:
    """`runc run`: milliseconds from the call to the stamp."""
    called = time.monotonic_ns()
    command = ["runc", "run", "--bundle", str(bundle), f"bench-{secrets.token_hex(4)}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return (int(done.stdout) - called) / 1e6
