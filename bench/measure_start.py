"""Engine start to the first instruction of a static binary, against `runc run` on the same bundle in the same run."""

import json
import secrets
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.host import host, spec_of, wait_for_exit
from bench.programs import compile_static, rootfs_tar
from bench.result import Result
from engine import Engine

RUNS = 100


def measure(folder: Path) -> Iterator[Result]:
    """Both in turn, so that whatever else the machine does hits both."""
    program = compile_static("stamp", folder)
    with host(folder) as engine:
        image = engine.import_rootfs(rootfs_tar(program), reference="stamp:bench")
        container = secrets.token_hex(32)
        engine.create(container, spec_of(image, "stamp", "/stamp"))
        bundle = runc_bundle(engine, container, program, folder / "bundle") if shutil.which("runc") else None
        called, theirs = [], []
        for _ in range(RUNS):
            called.append(start(engine, container))
            theirs += [run_runc(bundle)] if bundle else []
        stamps = [int(line.text) for batch in engine.logs(container).read() for line in batch.lines]
    ours = [(stamp - call) / 1e6 for stamp, call in zip(stamps, called, strict=True)]
    name = "engine start to first instruction, network none"
    yield against_runc(name, statistics.median(ours), statistics.median(theirs) if theirs else None)


def against_runc(name: str, ours_ms: float, runc_ms: float | None) -> Result:
    """The row; without runc on this machine there is no peer and no bar."""
    if runc_ms is None:
        return Result(name, ours_ms, "ms")
    return Result(name, ours_ms, "ms", bar=0.25, peer="runc run", peer_value=runc_ms)


def start(engine: Engine, container: str) -> int:
    """Start and wait for the end; when the call was made (CLOCK_MONOTONIC, ns)."""
    called = time.monotonic_ns()
    engine.start(container)
    wait_for_exit(engine, container)
    return called


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
