"""Another engine runs its containers by ours: podman with conmon, where they are installed."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.bundles import CHECKOUT, OciRuntime

pytestmark = pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed")


class Podman:
    """podman on folders of its own, our command line as its runtime."""

    def __init__(self, folder: Path) -> None:
        script = folder / "runtime"
        called = f"{sys.executable} -m engine.runtime --root {folder}/states"
        script.write_text(f'#!/bin/sh\ncd {CHECKOUT} && exec {called} "$@"\n')
        script.chmod(0o755)
        places = {"root": "root", "runroot": "run", "tmpdir": "tmp", "network-config-dir": "net"}
        self._line = ["podman", *(f"--{option}={folder}/{name}" for option, name in places.items())]
        self._line += ["--cgroup-manager=cgroupfs", "--events-backend=none", "--storage-driver=vfs"]
        self._line += [f"--runtime={script}"]

    def call(self, *arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run([*self._line, *arguments], input=stdin, capture_output=True, timeout=60, check=False)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        return self.call("run", "--network=none", "--ulimit=host", *arguments)


@pytest.fixture(scope="module")
def podman(oci: OciRuntime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    made = Podman(tmp_path_factory.mktemp("podman"))
    root = subprocess.run(["tar", "-cC", oci.folder / "rootfs", "."], check=True, capture_output=True).stdout
    assert made.call("import", "-", "busybox:test", stdin=root).returncode == 0
    yield made
    made.call("rm", "--all", "--force")


def test_podman_runs_a_container_to_its_end(podman: Podman) -> None:
    options = ["--rm", "--memory=32m", "--user=5:6", "--hostname=moored", "--read-only"]
    ended = podman.run(*options, "busybox:test", "sh", "-c", "id -u; hostname; touch /x; exit 7")
    assert ended.returncode == 7, ended.stderr
    assert ended.stdout.split() == [b"5", b"moored"]
    assert podman.run("--rm", "busybox:test", "nosuch").returncode == 127


def test_podman_starts_enters_and_stops_one(podman: Podman) -> None:
    script = "trap 'exit 3' TERM; while :; do sleep 0.1; done"
    assert podman.run("--detach", "--name=moored", "busybox:test", "sh", "-c", script).returncode == 0
    ended = podman.call("exec", "moored", "sh", "-c", "echo in; exit 4")
    assert (ended.returncode, ended.stdout) == (4, b"in\n")
    assert podman.call("pause", "moored").returncode == 0
    assert podman.call("unpause", "moored").returncode == 0
    assert podman.call("stop", "moored").returncode == 0
    shown = podman.call("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "moored")
    assert shown.stdout.split() == [b"exited", b"3"]
