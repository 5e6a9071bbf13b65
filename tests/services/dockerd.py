"""A real Docker daemon with folders and a socket of its own, and no network."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.processes import running

LONGEST_S = 120


class Docker:
    """The client of one daemon."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._env = os.environ | {"DOCKER_HOST": f"unix://{socket}"}

    def call(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What `docker …` writes. Raises CalledProcessError."""
        call = ["docker", *arguments]
        ended = subprocess.run(call, env=self._env, input=stdin, capture_output=True, timeout=LONGEST_S, check=True)
        return ended.stdout

    def answers(self) -> bool:
        """Whether the daemon is up."""
        if not self._socket.exists():
            return False
        try:
            return bool(self.call("version"))
        except subprocess.CalledProcessError:
            return False


@contextmanager
def docker_daemon(folder: Path) -> Iterator[Docker]:
    """Run one until the block ends."""
    docker = Docker(folder / "docker.sock")
    places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    command = ["dockerd", f"--host=unix://{folder}/docker.sock"]
    command += [f"--{option}={folder}/{name}" for option, name in places.items()]
    command += ["--iptables=false", "--ip6tables=false", "--bridge=none"]
    with running(command, log=folder / "log", answers=docker.answers):
        yield docker
