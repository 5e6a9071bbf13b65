"""The web process by itself, which a test may kill; it shares the test's database and folders."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from tests.services.panel import CHECKOUT, free_port
from tests.services.processes import wait_until


class Web:
    """`address` is `127.0.0.1:PORT`, the same after every start."""

    def __init__(self, log: Path) -> None:
        self.port, self._log = free_port(), log
        self.address = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens. It dies with the test run."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("MOORAGE_", "DJANGO_"))}
        place = settings.ENVIRONMENT
        own = {"MOORAGE_HOME": str(place.home), "MOORAGE_RUN": str(place.run), "MOORAGE_DATABASE_URL": database_url()}
        command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "uvicorn", "panel.asgi:application"]
        command += ["--port", str(self.port), "--no-access-log"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=CHECKOUT, env=inherited | own, stdout=log, stderr=log)
        wait_until(self._listens, "the web process listens", timeout_s=60)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(30)
            self._process = None

    def peak_bytes(self) -> int:
        """The most memory it had."""
        assert self._process
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the kernel does not tell")

    def _listens(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"the web process ended:\n{self._log.read_text(errors='replace')}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def database_url() -> str:
    """The test's database, as `MOORAGE_DATABASE_URL` spells it."""
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    return f"postgresql://{found['USER']}@{quote(found['HOST'], safe='')}/{found['NAME']}"
