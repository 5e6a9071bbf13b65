"""A container that prints 200 MB as fast as it can, against the same program into a pipe to `cat >file`."""

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.host import host, spec_of
from bench.programs import compile_static, rootfs_tar
from bench.result import Result
from engine import Engine, Image

BYTES = 200_000_000
RUNS = 15
TAIL = 40_000  # stderr may be recorded before what is still in the pipe of stdout: at most 1 MiB of short lines


def measure(folder: Path) -> Iterator[Result]:
    """Both in turn, on the same file system: how long the program itself needs for its writes, by its own clock.

    The fastest of the runs, since both need two processors at once and whatever else runs only makes them slower.
    """
    program = compile_static("flood", folder)
    with host(folder) as engine:
        image = engine.import_rootfs(rootfs_tar(program), reference="flood:bench")
        ours, theirs = [], []
        for number in range(RUNS):
            ours.append(run_container(engine, image, f"flood-{number}"))
            theirs.append(run_cat(program, folder / "out"))
    name = "container prints 200 MB"
    yield Result(name, min(ours), "s", bar=1.15, peer="pipe to cat >file", peer_value=min(theirs))


def run_container(engine: Engine, image: Image, name: str) -> float:
    """Seconds the program in a container says it took; that is the last line it writes to stderr."""
    container = secrets.token_hex(32)
    engine.create(container, spec_of(image, name, "/flood", str(BYTES)))
    engine.start(container)
    engine.wait(container)
    lines = [line for batch in engine.logs(container).read(tail=TAIL) for line in batch.lines]
    engine.remove(container)
    return next(float(line.text) for line in lines if line.stream == "stderr")


def run_cat(program: Path, out: Path) -> float:
    """Seconds the program says it took to write into a pipe that `cat` writes to a file."""
    command = [str(program), str(BYTES)]
    with out.open("wb") as file, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as flood:
        subprocess.run(["cat"], stdin=flood.stdout, stdout=file, check=True)
        assert flood.stderr
        took = float(flood.stderr.read())
    out.unlink()
    return took
