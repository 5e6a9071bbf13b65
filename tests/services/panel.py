"""A whole panel, started as `make up` starts it, on folders and a port of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import xmlrpc.client
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from supervisor.xmlrpc import SupervisorTransport

from tests.services.processes import wait_until

CHECKOUT = Path(__file__).resolve().parents[2]
ARTIFACTS = CHECKOUT / "tests" / "artifacts"
OUTPUT_SHOWN = 12_000
ADMIN_PASSWORD = "correct horse battery staple"


class Panel:
    """One panel and its processes. `url` is where it answers, `token` an API token of user `admin`."""

    running: ClassVar[list["Panel"]] = []

    def __init__(self, folder: Path) -> None:
        self.home, self.run = folder / "home", folder / "run"
        self.log = ARTIFACTS / f"{folder.name}.log"
        self.log_start = 0
        self.bind = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.bind}"
        self.password = ADMIN_PASSWORD
        self.token = ""
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        """The variables its processes and its `manage.py` run with."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("MOORAGE_", "DJANGO_"))}
        own = {"MOORAGE_HOME": str(self.home), "MOORAGE_RUN": str(self.run), "MOORAGE_BIND": self.bind}
        return inherited | own | {"MOORAGE_ADMIN_PASSWORD": self.password}

    def start(self, *, timeout_s: float = 60.0) -> None:
        """Start it and wait until every process answers. The supervisor dies with the test run."""
        command = ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "panel.supervisor"]
        ARTIFACTS.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=CHECKOUT, env=self.environment(), stdout=log, stderr=log)
        if self not in self.running:
            self.running.append(self)
        self.wait_ready(timeout_s=timeout_s)
        self.token = self.token or self.manage("token", "create", "admin").split()[-1]

    def stop(self) -> None:
        """Stop it as Ctrl-C does; containers stay."""
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=60)
            self.process = None

    def output(self) -> str:
        """What its processes wrote since it was last forgotten, the end of it."""
        with self.log.open("rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace")[-OUTPUT_SHOWN:]

    def forget_output(self, *, is_over: bool) -> None:
        """What was written so far belongs to a test that `is_over`."""
        if is_over and self.log.exists():
            self.log_start = self.log.stat().st_size

    def wait_ready(self, *, timeout_s: float = 60.0) -> None:
        """Return when /healthz says that every process answers."""
        wait_until(self.is_ready, "the whole panel answers", timeout_s=timeout_s)

    def is_ready(self) -> bool:
        """Whether every process answers; RuntimeError if the supervisor has ended."""
        if self.process and self.process.poll() is not None:
            raise RuntimeError("the panel has ended")
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def manage(self, *arguments: str) -> str:
        """The output of one of its `manage.py` commands, run as the panel's user."""
        prefix = ["setpriv", "--reuid", "moorage", "--regid", "moorage", "--init-groups"]
        command = [*prefix, sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=CHECKOUT, env=self.environment(), check=True, capture_output=True, text=True
        ).stdout

    def request(
        self, method: str, path: str, body: object = None, *, wait_s: int | None = None, timeout_s: float = 90
    ) -> tuple[int, Any]:
        """One REST call below /api/v1/ as admin: status and decoded JSON. A body of `bytes` is sent as it is."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/octet-stream"
        if wait_s is not None:
            headers["Prefer"] = f"wait={wait_s}"
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
                is_json = "json" in error.headers.get("Content-Type", "")
                return error.code, json.loads(text) if is_json else text

    def text(self, path: str) -> str:
        """What REST answers below /api/v1/ as plain text."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "text/plain"}
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/api/v1/{path}", headers=headers)) as answer:
            return str(answer.read().decode())

    def pid(self, name: str) -> int:
        """The process id of one of its programs; 0 while it is not running."""
        with self.control() as control:
            info = cast("dict[str, Any]", control.supervisor.getProcessInfo(name))
        return int(info["pid"])

    def kill(self, name: str) -> None:
        """SIGKILL one of its programs; the supervisor starts it again."""
        if pid := self.pid(name):
            os.kill(pid, signal.SIGKILL)

    def kill_all(self) -> None:
        """SIGKILL the supervisor and all its programs; containers stay."""
        assert self.process
        with self.control() as control:
            infos = cast("list[dict[str, Any]]", control.supervisor.getAllProcessInfo())
        pids = [int(info["pid"]) for info in infos]
        self.process.kill()
        for pid in filter(None, pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids if pid), "its programs have ended")

    def control(self) -> xmlrpc.client.ServerProxy:
        """supervisord's own remote control."""
        transport = SupervisorTransport(None, None, f"unix://{self.run}/supervisor/supervisor.sock")
        return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)

    def remove_containers(self) -> None:
        """End and remove every container it has."""
        _, page = self.request("GET", "containers/")
        for container in page["results"]:
            self.request("DELETE", f"containers/{container['id']}/?force=true", wait_s=30)


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def panel() -> Iterator[Panel]:
    """A running panel that all tests of a run share. Leave it as you found it, containers and images included."""
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp"))
    folder.chmod(0o755)  # the panel's user has to reach its own folder
    panel = Panel(folder)
    try:
        panel.start()
        yield panel
        panel.remove_containers()
    finally:
        panel.stop()
        shutil.rmtree(folder, ignore_errors=True)
