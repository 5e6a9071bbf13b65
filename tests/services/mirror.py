"""A Debian mirror on loopback: real packages, with an index and a signature of the test's own."""

import fcntl
import hashlib
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from tests.images.debian import CACHE, SUITE


class Mirror(NamedTuple):
    """`folder` is what it serves, `keyring` what its signatures are checked with."""

    url: str
    folder: Path
    keyring: Path


@contextmanager
def mirror(folder: Path) -> Iterator[Mirror]:
    """Serves the packages of the smallest Debian; `folder` is where it is built."""
    served = folder / "mirror"
    pool = served / "pool"
    pool.mkdir(parents=True)
    for package in packages().glob("var/cache/apt/archives/*.deb"):
        name, _, rest = package.name.partition("_")
        version = rest.rpartition("%3a")[2]  # pools leave the epoch out
        (pool / f"{name}_{version}").hardlink_to(package)
    sign(served, folder / "gpg", folder / "mirror.gpg")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(served)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Mirror(f"http://127.0.0.1:{server.server_port}", served, folder / "mirror.gpg")
    finally:
        server.shutdown()
        server.server_close()


def packages() -> Path:
    """The folder into which debootstrap downloaded some 90 packages once; kept in the user's cache."""
    folder = CACHE / f"packages-{SUITE}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            command = ["debootstrap", "--download-only", "--variant=minbase", SUITE, str(folder)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=600)
            (folder / "whole").touch()
    return folder


def sign(served: Path, home: Path, keyring: Path) -> None:
    """Write the suite's indexes, and sign them with a new key that `keyring` then holds."""
    suite = served / f"dists/{SUITE}"
    binary = suite / "main/binary-amd64"
    binary.mkdir(parents=True, exist_ok=True)
    (binary / "Packages").write_text(_index(served / "pool"))
    (binary / "Release").write_text("Component: main\nArchitecture: amd64\n")
    listed = "".join(_listed(binary / name, suite) for name in ("Packages", "Release"))
    release = suite / "Release"
    release.write_text(
        f"Origin: Test\nSuite: stable\nCodename: {SUITE}\nDate: Tue, 24 Nov 2026 00:00:00 UTC\nArchitectures: amd64\n"
        f"Components: main\nSHA256:\n{listed}"
    )
    home.mkdir(mode=0o700, exist_ok=True)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--yes"]
    key = [*gpg, "--passphrase", "", "--quick-generate-key", "mirror@test.invalid", "ed25519", "sign", "never"]
    for command in (key, [*gpg, "--output", str(suite / "InRelease"), "--clearsign", str(release)]):
        subprocess.run(command, check=True, capture_output=True)
    keyring.write_bytes(subprocess.run([*gpg, "--export"], check=True, capture_output=True).stdout)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], check=True)


def _index(pool: Path) -> str:
    """What Debian's own index says of the packages in the pool."""
    (index,) = packages().glob("var/lib/apt/lists/*_Packages")
    stanzas = (re.sub(r"(?m)^(Filename: ).*/", r"\1pool/", text) for text in index.read_text().split("\n\n"))
    return "".join(f"{text}\n\n" for text in stanzas if _file(text) and (pool / _file(text)).exists())


def _file(stanza: str) -> str:
    found = re.search(r"(?m)^Filename: pool/(.*)", stanza)
    return found[1] if found else ""


def _listed(file: Path, suite: Path) -> str:
    data = file.read_bytes()
    return f" {hashlib.sha256(data).hexdigest()} {len(data)} {file.relative_to(suite)}\n"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody reads it."""
