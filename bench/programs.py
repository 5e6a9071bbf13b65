"""The small static programs that are measured, compiled afresh, and the images that hold one of them."""

import io
import subprocess
import tarfile
from pathlib import Path


def compile_static(name: str, folder: Path) -> Path:
    """Compile `bench/<name>.c` into a static program in `folder`."""
    program = folder / name
    source = Path(__file__).parent / f"{name}.c"
    subprocess.run(["gcc", "-O2", "-static", "-o", str(program), str(source)], check=True)
    return program


def rootfs_tar(*programs: Path) -> io.BytesIO:
    """A root filesystem with each program as `/<name>` and the folders a container needs."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for folder in ("dev", "proc", "sys", "etc", "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for program in programs:
            entry = tarfile.TarInfo(program.name)
            entry.size, entry.mode = program.stat().st_size, 0o755
            with program.open("rb") as content:
                tar.addfile(entry, content)
    archive.seek(0)
    return archive
