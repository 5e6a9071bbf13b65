"""A container that prints 200 MB as fast as it can, against the same program into a pipe to `cat >file`."""

import secrets
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.host import host, spec_of, wait_for_exit
from bench.programs import compile_static, rootfs_tar
from bench.result import Result
from engine import Engine, Image

BYTES = 200_000_000
RUNS = 5


def measure(folder: Path) -> Iterator[Result]:
    """Both in turn, on the same file system; until the last byte is in its file."""
    program = compile_static("flood", folder)
    with host(folder) as engine:
        image = engine.import_rootfs(rootfs_tar(program), reference="flood:bench")
        ours, theirs = [], []
        for number in range(RUNS):
            ours.append(run_container(engine, image, f"flood-{number}"))
            theirs.append(run_cat(program, folder / "out"))
    name = "container prints 200 MB"
    yield Result(
        name, statistics.median(ours), "s", bar=1.2, peer="pipe to cat >file", peer_value=statistics.median(theirs)
    )


def run_container(engine: Engine, image: Image, name: str) -> float:
    """Seconds from the start of the container to its recorded end."""
    container = secrets.token_hex(32)
    engine.create(container, spec_of(image, name, "/flood", str(BYTES)))
    called = time.monotonic()
    engine.start(container)
    wait_for_exit(engine, container)
    took = time.monotonic() - called
    engine.remove(container)
    return took


def run_cat(program: Path, out: Path) -> float:
    """Seconds for the program and `cat` together."""
    called = time.monotonic()
    with out.open("wb") as file, subprocess.Popen([program, str(BYTES)], stdout=subprocess.PIPE) as flood:
        subprocess.run(["cat"], stdin=flood.stdout, stdout=file, check=True)
    took = time.monotonic() - called
    out.unlink()
    return took
