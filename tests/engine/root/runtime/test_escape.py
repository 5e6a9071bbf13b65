"""Bundles whose program is the engine's own interpreter: it must not be theirs to change (CVE-2019-5736)."""

import errno
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.images.attacks import attacks_layer
from tests.services.bundles import CHECKOUT, OciRuntime

PROGRAMS = ("/proc/self/exe", "engine", "engine-link")
pytestmark = pytest.mark.v2


@pytest.fixture(scope="module", autouse=True)
def _attacks(oci: OciRuntime) -> None:
    """What is tried, in the root that the bundles share."""
    subprocess.run(["tar", "-xC", oci.folder / "rootfs"], input=attacks_layer(), check=True)


def call(oci: OciRuntime, *arguments: str | Path) -> int:
    """The exit code of a command, by an interpreter of its own as another engine would have it."""
    line = [*oci.command, *map(str, arguments)]
    return subprocess.run(line, cwd=CHECKOUT, stdin=subprocess.DEVNULL, check=False, timeout=60).returncode


def changed_at() -> int:
    return Path(sys.executable).stat().st_ctime_ns


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_bundle_that_runs_the_engines_own_program_cannot_change_it(oci: OciRuntime, program: str) -> None:
    before = changed_at()
    code = call(oci, "run", "--bundle", oci.bundle(program), f"e-{secrets.token_hex(4)}")
    assert errno.errorcode[code] == "EROFS"
    assert changed_at() == before


def test_neither_can_one_that_waits_for_its_start_or_that_exec_brings_in(oci: OciRuntime) -> None:
    before = changed_at()
    waiting, running = f"e-{secrets.token_hex(4)}", oci.start(oci.bundle("sleep", "600"))
    folder = oci.bundle("/proc/self/exe")
    with (folder / "output").open("wb") as output:
        line: list[Any] = [*oci.command, "create", "--bundle", folder, "--pid-file", folder / "pid", waiting]
        subprocess.run(line, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=True)
    exe = Path(f"/proc/{(folder / 'pid').read_text()}/exe")
    with pytest.raises(OSError, match="Read-only file system"):
        exe.chmod(Path(sys.executable).stat().st_mode)
    for program in PROGRAMS:
        assert errno.errorcode[call(oci, "exec", running, program)] == "EROFS"
    assert changed_at() == before
