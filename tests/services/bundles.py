"""OCI bundles, and the engine's own command line run over them as another engine would."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.runtime.command_line import main
from tests.images import busybox_layer

CHECKOUT = Path(__file__).resolve().parents[2]
NAMESPACES = ("mount", "pid", "uts", "ipc", "network", "cgroup")
CAPABILITIES = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE", "CAP_NET_BIND_SERVICE"]


@dataclass
class OciRuntime:
    """The command line with a `--root` of its own. Bundles are folders that share one busybox root.

    Commands run in forks of this process, which know the code already.
    """

    folder: Path

    @property
    def command(self) -> list[str]:
        """What another engine would call."""
        return [sys.executable, "-m", "engine.runtime", "--root", f"{self.folder}/states"]

    def bundle(self, *args: str, **changes: Any) -> Path:
        """A bundle that runs `args`; `changes` replace parts of its configuration, by dotted path with `__`."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "config.json").write_text(json.dumps(configuration(*args, root=self.folder / "rootfs", **changes)))
        return folder

    def call(
        self, *arguments: str | Path, check: bool = False, stdin: str = "", options: tuple[str, ...] = ()
    ) -> "subprocess.CompletedProcess[str]":
        """Run one command to its end."""
        words = [*self.command[3:], *options, *map(str, arguments)]
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin.encode())
            given.seek(0)
            code = _in_fork(words, given.fileno(), out.fileno(), err.fileno())
            said = [os.pread(file.fileno(), 1 << 20, 0).decode() for file in (out, err)]
        if check and code:
            raise AssertionError(f"{' '.join(words)} failed with {code}: {said[1]}")
        return subprocess.CompletedProcess(words, code, *said)

    def create(self, bundle: Path, *arguments: str | Path, third: Path | None = None) -> str:
        """Create a container of the bundle; its id. What it writes goes to `output` in the bundle.

        With `third` a new interpreter does it, its descriptor 3 open on that file. Raises RuntimeError.
        """
        container_id = f"c-{secrets.token_hex(4)}"
        words = [*self.command[3:], "create", "--bundle", str(bundle), *map(str, arguments), container_id]
        with (bundle / "output").open("wb") as out, (bundle / "error").open("w+") as err, open("/dev/null") as nothing:
            if third is None:
                code = _in_fork(words, nothing.fileno(), out.fileno(), err.fileno())
            else:
                line = ["sh", "-c", 'exec "$@" 3>"$0"', str(third), *self.command[:3], *words]
                code = subprocess.run(line, cwd=CHECKOUT, stdin=nothing, stdout=out, stderr=err, check=False).returncode
            err.seek(0)
            if code:
                raise RuntimeError(err.read())
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


def _in_fork(words: list[str], *streams: int) -> int:
    """The exit code of the command line, run in a fork with these for standard input, output and error."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 70
    try:
        for target, fd in enumerate(streams):
            os.dup2(fd, target)
        sys.argv, sys.stdin, sys.stdout, sys.stderr = ["", *words], open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
        code = main()
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


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
