"""The supervisor in the foreground, with real programs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from panel.environment import Environment
from panel.supervisor.configuration import supervisord_conf
from panel.supervisor.programs import Program
from tests.services.processes import wait_until

LEAVE_A_CHILD = 'sleep 1000 & echo "child $!"; echo "self $$"; wait'
LEAVE_A_SESSION = 'setsid sleep 1000 & echo "child $!"; echo "self $$"; wait'

SUPERVISE = """
import sys
from pathlib import Path
from panel.supervisor.foreground import supervise
supervise(Path(sys.argv[1]))
"""


@dataclass
class Running:
    """A supervisor that runs, and what it wrote so far."""

    process: subprocess.Popen[bytes]
    output: Path

    def told(self, name: str, word: str) -> list[int]:
        """The numbers a program wrote behind a word, one for each of its starts."""
        lines = (line.split(" | ", 1) for line in self.output.read_text().splitlines())
        return [int(text.split()[1]) for label, text in lines if label.strip() == name and text.startswith(f"{word} ")]

    def pid(self, name: str, word: str = "self", *, start: int = 1) -> int:
        """The number a program wrote behind a word at its n-th start; waits for it."""
        wait_until(lambda: len(self.told(name, word)) >= start, f"{name} has started {start} times")
        return self.told(name, word)[start - 1]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Running]:
    """A supervisor of a worker with a child in its group, and of a launcher with a child in a session of its own."""
    environment = Environment.from_env({"MOORAGE_HOME": str(tmp_path), "MOORAGE_RUN": str(tmp_path)})
    (tmp_path / "supervisor").mkdir()
    table = [
        Program("launcher", ("sh", "-c", LEAVE_A_SESSION), 1, is_root=True, owns_containers=True),
        Program("worker", ("sh", "-c", LEAVE_A_CHILD), 2, is_root=True),
        Program("secrets", ("sh", "-c", 'echo "url $MOORAGE_DATABASE_URL 1"; sleep 1000'), 3, is_root=True),
    ]
    configuration = tmp_path / "supervisord.conf"
    configuration.write_text(supervisord_conf(environment, table, tmp_path))
    output = tmp_path / "output"
    variables = os.environ | {"PYTHONPATH": os.getcwd(), "MOORAGE_DATABASE_URL": "7"}
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, str(configuration)], stdout=log, stderr=log, env=variables
        )
    running = Running(process, output)
    yield running
    process.terminate()
    process.wait(timeout=20)
    for child in running.told("launcher", "child"):
        os.kill(child, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether a process runs (one that waits for its parent to take its status does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_program_is_started_again_and_what_it_left_in_its_group_ends(supervisor: Running) -> None:
    first, child = supervisor.pid("worker"), supervisor.pid("worker", "child")

    os.kill(first, signal.SIGKILL)

    assert supervisor.pid("worker", start=2) != first
    wait_until(lambda: not is_alive(child), "the first worker's child is gone")
    assert "worker ended unexpectedly" in supervisor.output.read_text()


def test_what_a_killed_launcher_started_lives_on(supervisor: Running) -> None:
    first, child = supervisor.pid("launcher"), supervisor.pid("launcher", "child")

    os.kill(first, signal.SIGKILL)

    supervisor.pid("launcher", start=2)
    assert is_alive(child)


def test_an_interrupt_ends_every_program_but_not_what_the_launcher_started(supervisor: Running) -> None:
    pids = [supervisor.pid("launcher"), supervisor.pid("worker"), supervisor.pid("worker", "child")]
    child = supervisor.pid("launcher", "child")

    supervisor.process.send_signal(signal.SIGINT)

    assert supervisor.process.wait(timeout=20) == 0
    assert [is_alive(pid) for pid in pids] == [False, False, False]
    assert is_alive(child)


def test_programs_do_not_outlive_a_killed_supervisor(supervisor: Running) -> None:
    pids = [supervisor.pid("launcher"), supervisor.pid("worker")]
    child = supervisor.pid("launcher", "child")

    supervisor.process.kill()

    wait_until(lambda: not any(map(is_alive, pids)), "the programs have ended")
    assert is_alive(child)


def test_programs_of_the_host_side_never_see_the_database(supervisor: Running) -> None:
    assert supervisor.pid("secrets", "url") == 1
