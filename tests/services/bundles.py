"""OCI bundles, and the engine's own command line run over them as another engine would."""

import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.images import busybox_layer

CHECKOUT = Path(__file__).resolve().parents[2]
NAMESPACES = ("mount", "pid", "uts", "ipc", "network", "cgroup")
CAPABILITIES = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE", "CAP_NET_BIND_SERVICE"]


@dataclass
class OciRuntime:
    """The command line with a `--root` of its own. Bundles are folders that share one busybox root."""

    folder: Path
    command: tuple[str, ...] = (sys.executable, "-m", "engine.runtime")
    ids: list[str] = field(default_factory=list)

    def bundle(self, *args: str, **changes: Any) -> Path:
        """A bundle that runs `args`; `changes` replace parts of its configuration, by dotted path with `__`."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "config.json").write_text(json.dumps(configuration(*args, root=self.folder / "rootfs", **changes)))
        return folder

    def call(
        self, *arguments: str | Path, check: bool = False, stdin: str = "", options: tuple[str, ...] = ()
    ) -> "subprocess.CompletedProcess[str]":
        """Run one command to its end."""
        line = [*self.command, "--root", self.folder / "states", *options, *arguments]
        ended = subprocess.run(line, cwd=CHECKOUT, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        if check and ended.returncode:
            raise AssertionError(f"{' '.join(map(str, arguments))} failed with {ended.returncode}: {ended.stderr}")
        return ended

    def create(self, bundle: Path, *arguments: str | Path, **options: Any) -> str:
        """Create a container of the bundle; its id. What it writes goes to `output` in the bundle."""
        container_id = f"c-{secrets.token_hex(4)}"
        line = [*self.command, "--root", self.folder / "states", "create", "--bundle", bundle, *arguments, container_id]
        with (bundle / "output").open("wb") as output, (bundle / "error").open("w+") as error:
            ended = subprocess.run(
                line,
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=error,
                timeout=60,
                check=False,
                **options,
            )
            error.seek(0)
            if ended.returncode:
                raise RuntimeError(error.read())
        self.ids.append(container_id)
        return container_id

    def start(self, bundle: Path, *arguments: str | Path) -> str:
        """Create and start a container of the bundle; its id."""
        container_id = self.create(bundle, *arguments)
        self.call("start", container_id, check=True)
        return container_id

    def run(self, *args: str, **changes: Any) -> "subprocess.CompletedProcess[str]":
        """Run a program in a container of its own to its end."""
        return self.call("run", "--bundle", self.bundle(*args, **changes), f"r-{secrets.token_hex(4)}")

    def state(self, container_id: str) -> dict[str, Any]:
        """What `state` prints."""
        value: dict[str, Any] = json.loads(self.call("state", container_id, check=True).stdout)
        return value

    def await_status(self, container_id: str, status: str) -> dict[str, Any]:
        """Its state once it has this status."""
        deadline = time.monotonic() + 20
        while (state := self.state(container_id))["status"] != status:
            assert time.monotonic() < deadline, state
        return state


def configuration(*args: str, root: Path, **changes: Any) -> dict[str, Any]:
    """A small `config.json`; a change such as `process__user={"uid": 1}` replaces what is at that path."""
    document: dict[str, Any] = {
        "ociVersion": "1.2.0",
        "root": {"path": str(root)},
        "process": {
            "args": list(args),
            "cwd": "/",
            "env": ["PATH=/bin"],
            "user": {"uid": 0, "gid": 0},
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES),
            "noNewPrivileges": True,
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
            {
                "destination": "/dev/pts",
                "type": "devpts",
                "source": "devpts",
                "options": ["newinstance", "ptmxmode=0666"],
            },
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
        ],
        "linux": {"namespaces": [{"type": kind} for kind in NAMESPACES]},
    }
    for path, value in changes.items():
        *keys, last = path.split("__")
        place = document
        for key in keys:
            place = place.setdefault(key, {})
        if isinstance(value, Mapping) and isinstance(place.get(last), dict):
            place[last] = place[last] | value
        else:
            place[last] = value
    return document


@contextmanager
def oci_runtime() -> Iterator[OciRuntime]:
    """The command line on folders of its own; nothing of its containers is left at the end."""
    with tempfile.TemporaryDirectory(prefix="mo-", dir="/tmp") as name:
        folder = Path(name)
        (folder / "rootfs").mkdir()
        subprocess.run(["tar", "-xC", folder / "rootfs"], input=busybox_layer(), check=True)
        made = OciRuntime(folder)
        try:
            yield made
        finally:
            for container_id in made.call("list", "--quiet", check=True).stdout.split():
                made.call("delete", "--force", container_id, check=True)


@pytest.fixture(scope="module")
def oci() -> Iterator[OciRuntime]:
    """One `oci_runtime` for the tests of a module."""
    with oci_runtime() as made:
        yield made
