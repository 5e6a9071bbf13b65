"""A panel of its own for tests that kill its processes, and a container that counts."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.images.archives import docker_archive
from tests.images.busybox import busybox
from tests.services.panel import Panel
from tests.services.processes import wait_until

# Counts ten times a second; SIGUSR1 makes it end with status 7 after a last line.
COUNT = "trap 'echo last; exit 7' USR1; n=0; while true; do n=$((n+1)); echo line $n; sleep 0.1 & wait $!; done"


@pytest.fixture(scope="module")
def mortal_panel() -> Iterator[Panel]:
    """A running panel whose processes may be killed, with the image `counter:test`."""
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp"))
    folder.chmod(0o755)
    panel = Panel(folder)
    try:
        panel.start()
        archive = docker_archive(busybox("counter:test", command=("sh", "-c", COUNT)))
        done(panel.request("POST", "images/load/", archive, wait_s=30))
        yield panel
        panel.remove_containers()
    finally:
        panel.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Counter:
    """A container that counts, as the panel and as the kernel see it."""

    panel: Panel
    id: str

    def state(self) -> dict[str, Any]:
        """The container as the panel has recorded it."""
        status, container = self.panel.request("GET", f"containers/{self.id}/")
        assert status == 200, container
        return dict(container)

    def lines(self) -> list[str]:
        """Every line it has printed, oldest first, as REST gives them."""
        return self.panel.text(f"containers/{self.id}/logs/").splitlines()

    def wait_for_more_lines(self, count: int = 5) -> None:
        """Return when it has printed this many further lines."""
        goal = len(self.lines()) + count
        wait_until(lambda: len(self.lines()) >= goal, f"the container prints {count} more lines")


@pytest.fixture
def counter(mortal_panel: Panel) -> Iterator[Counter]:
    """A running container that prints `line 1`, `line 2` …"""
    spec = {"name": f"counter-{secrets.token_hex(4)}", "image": "counter:test", "start": True}
    operation = done(mortal_panel.request("POST", "containers/", spec, wait_s=30))
    counter = Counter(mortal_panel, operation["object_id"])
    yield counter
    done(mortal_panel.request("DELETE", f"containers/{counter.id}/?force=true", wait_s=30))


def done(answer: tuple[int, Any]) -> dict[str, Any]:
    """The operation of an answer, which must have succeeded."""
    status, operation = answer
    assert status < 400, operation
    assert operation["status"] == "done", operation
    return dict(operation)


def is_alive(pid: int) -> bool:
    """Whether a process exists that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
