"""The first stage of debootstrap(8): packages are chosen, fetched, verified and unpacked; none of their programs run.

Signatures are always checked: of the suite's Release file by gpgv(1), of everything else by the digests in it.
"""

import os
import select
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from engine.errors import Conflict, InvalidSpec, NotFound, Unsupported
from engine.images import Reporter
from engine.spec.bootstrap import BootstrapSpec

KEYRING_FOLDERS = (Path("/usr/share/keyrings"), Path("/etc/apt/keyrings"), Path("/etc/apt/trusted.gpg.d"))
_SCRIPTS = Path("/usr/share/debootstrap/scripts")
_LAST_LINES = 12
_POLL_S = 0.3
_READ_BYTES = 16 << 10
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_STEPS = {"Retrieving": "download packages", "Validating": "download packages", "Extracting": "unpack packages"}


def check(spec: BootstrapSpec) -> None:
    """Raises Unsupported where debootstrap is missing, InvalidSpec for a suite or keyring this host does not know."""
    for name, package in (("debootstrap", "debootstrap"), ("gpgv", "gpgv"), ("setpriv", "util-linux")):
        if shutil.which(name) is None:
            raise Unsupported(f"this host has no program {name}", hint=f"Install the package {package} on it.")
    if not (_SCRIPTS / spec.suite).is_file():
        hint = "Write the suite's code name. A newer debootstrap may know it."
        raise InvalidSpec("suite", f"this host's debootstrap knows no suite {spec.suite}", hint=hint)
    if spec.keyring:
        keyring(spec.keyring)


def keyring(name: str) -> Path:
    """Where the keyring of that name is. Raises InvalidSpec."""
    for folder in KEYRING_FOLDERS:
        if (folder / name).is_file():
            return folder / name
    folders = ", ".join(map(str, KEYRING_FOLDERS))
    raise InvalidSpec("keyring", f"this host has no keyring {name}", hint=f"Put it in one of {folders}.")


def run(spec: BootstrapSpec, root: Path, reporter: Reporter) -> None:
    """Unpack the packages into the folder `root`. Raises Conflict telling what debootstrap said, Cancelled."""
    packages = {step: reporter.plan(step, unit="packages") for step in dict.fromkeys(_STEPS.values())}
    seen: set[str] = set()
    process = subprocess.Popen(
        _command(spec, root),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(),
        start_new_session=True,
    )
    said: deque[str] = deque(maxlen=_LAST_LINES)
    try:
        with reporter.step(packages["download packages"]), reporter.step(packages["unpack packages"]):
            for line in _lines(process, reporter):
                said.append(line)
                _, _, told = line.partition("I: ")
                word, _, _ = told.partition(" ")
                if word in _STEPS and told not in seen:
                    seen.add(told)
                    reporter.advance(packages[_STEPS[word]], 0 if word == "Validating" else 1)
            if process.wait() != 0:
                raise _failure(spec, [*said])
    finally:
        _end(process)


def _command(spec: BootstrapSpec, root: Path) -> list[str]:
    """It ends with this process: nobody would clear away what it goes on to write."""
    command = ["setpriv", "--pdeathsig", "KILL", "debootstrap", "--foreign", "--variant=minbase", "--force-check-gpg"]
    command += [f"--components={','.join(spec.components)}"]
    if spec.packages:
        command += [f"--include={','.join(spec.packages)}"]
    if spec.keyring:
        command += [f"--keyring={keyring(spec.keyring)}"]
    return [*command, spec.suite, str(root), *([spec.mirror] if spec.mirror else [])]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.lower() in _PROXIES}
    return kept | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


def _lines(process: subprocess.Popen[bytes], reporter: Reporter) -> Iterator[str]:
    """What it says. Asked for its end often, however long a mirror keeps silent."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    rest = b""
    with process.stdout:
        while True:
            reporter.check()
            if not select.select([process.stdout], (), (), _POLL_S)[0]:
                continue
            data = os.read(process.stdout.fileno(), _READ_BYTES)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            yield from (line.decode(errors="replace").rstrip() for line in lines)


def _failure(spec: BootstrapSpec, said: list[str]) -> Exception:
    told = [line.partition("E: ")[2] for line in said if line.startswith("E: ")]
    why = "; ".join(told) or "; ".join(said[-3:])
    where = spec.mirror or "its distribution's mirror"
    message = f"debootstrap could not fetch {spec.suite} from {where}: {ascii(why[:600])[1:-1]}"
    if any("signed by unknown key" in line or "Invalid Release signature" in line for line in said):
        return Conflict(message, hint="Name the keyring that signs this mirror.")
    if any("keyring" in line.lower() for line in said):
        return NotFound(message, hint="Install the distribution's keyring package on this host, or name a keyring.")
    return Conflict(message, hint="Check address, suite and components, and whether this host reaches the mirror.")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
