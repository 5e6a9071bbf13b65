"""A larger real image: a minimal Debian root, made by debootstrap once and kept in the user's cache folder."""

import fcntl
import os
import subprocess
import tempfile
from pathlib import Path

from tests.images.build import Built, build

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "moorage-tests"
SUITE = "bookworm"


def debian_tarball() -> Path:
    """The root filesystem as an uncompressed tar of some 200 MB; the first call takes minutes and needs root."""
    path = CACHE / f"debian-{SUITE}.tar"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "debian.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _make(path)
    return path


def debian(reference: str = "debian:test") -> Built:
    """The root filesystem as a one-layer image."""
    return build(reference, [debian_tarball().read_bytes()], config={"Cmd": ["bash"], "Env": ["PATH=/usr/bin:/bin"]})


def _make(path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        root = Path(folder) / "root"
        subprocess.run(
            ["debootstrap", "--variant=minbase", SUITE, root], check=True, stdout=subprocess.DEVNULL, timeout=900
        )
        unfinished = Path(folder) / "root.tar"
        subprocess.run(["tar", "--numeric-owner", "--xattrs", "-C", root, "-cf", unfinished, "."], check=True)
        unfinished.rename(path)
