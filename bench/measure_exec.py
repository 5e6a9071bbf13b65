"""exec of a program that does nothing, from the call to its exit code, against `runc exec` in the same run."""

import secrets
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.host import host, spec_of
from bench.measure_start import runc_bundle
from bench.programs import compile_static, rootfs_tar
from bench.result import Result, against
from engine import Engine, ExecSpec

RUNS = 60
NAME = "engine exec of a program that does nothing"


def measure(folder: Path) -> Iterator[Result]:
    """Both in turn, so that whatever else the machine does hits both."""
    idle, nothing = compile_static("idle", folder), compile_static("nothing", folder)
    with host(folder) as engine:
        image = engine.import_rootfs(rootfs_tar(idle, nothing), reference="exec:bench")
        container = secrets.token_hex(32)
        engine.create(container, spec_of(image, "exec", "/idle"))
        engine.start(container)
        exec_ours(engine, container)  # the first finds nothing standing ready
        ours: list[float] = []
        theirs: list[float] = []
        with runc_container(engine, container, idle, nothing, folder / "bundle") as peer:
            for _ in range(RUNS):
                ours.append(exec_ours(engine, container))
                theirs += [exec_theirs(peer)] if peer else []
    yield against(NAME, statistics.median(ours), "runc exec", theirs, bar=0.2)


def exec_ours(engine: Engine, container: str) -> float:
    """Milliseconds from the call to the exit code."""
    called = time.monotonic()
    with engine.exec(container, ExecSpec(("/nothing",), stdout=False, stderr=False)) as running:
        if running.wait(10).exit_code != 0:
            raise RuntimeError(running.state().error)
    return (time.monotonic() - called) * 1000


@contextmanager
def runc_container(engine: Engine, container: str, idle: Path, nothing: Path, bundle: Path) -> Iterator[str | None]:
    """The name of a container of runc's that runs the same program; None without runc on this machine."""
    if shutil.which("runc") is None:
        yield None
        return
    runc_bundle(engine, container, idle, bundle)
    shutil.copy2(nothing, bundle / "rootfs" / nothing.name)
    name = f"bench-{secrets.token_hex(4)}"
    null = subprocess.DEVNULL  # what it keeps open must not be a pipe that somebody reads to its end
    command = ["runc", "run", "--detach", "--bundle", str(bundle), name]
    subprocess.run(command, check=True, stdin=null, stdout=null, stderr=null)
    try:
        yield name
    finally:
        subprocess.run(["runc", "delete", "--force", name], check=True)


def exec_theirs(name: str) -> float:
    """The same by `runc exec`."""
    called = time.monotonic()
    subprocess.run(["runc", "exec", name, "/nothing"], check=True, stdin=subprocess.DEVNULL)
    return (time.monotonic() - called) * 1000
