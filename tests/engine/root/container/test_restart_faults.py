"""Restarts while whoever brings them is killed at any moment: no run is lost or told twice, and nothing is left."""

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from engine import Restart, RestartPolicy, Status
from engine.launcher import records
from tests.services.host import Host, await_launcher, start_launcher
from tests.services.processes import wait_until

KILLING_S = 1.2


def shim_of(host: Host, container: str) -> int:
    """Its shim's pid, 0 when there is none just now."""
    try:
        pid = int((host.home / "containers" / container / "shim.lock").read_text())
        return pid if Path(f"/proc/{pid}/comm").read_text() == "moorage-shim\n" else 0
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return 0


def kill_now_and_then(host: Host, containers: list[str], chance: random.Random) -> None:
    end = time.monotonic() + KILLING_S
    while time.monotonic() < end:
        if pid := shim_of(host, chance.choice(containers)):
            with suppress(ProcessLookupError):  # it may have ended by itself
                os.kill(pid, signal.SIGKILL)
        if chance.random() < 0.02:
            host.launcher.kill()
            host.launcher.wait()
            time.sleep(chance.uniform(0, 0.1))
            host.launcher = start_launcher(host.run)
        time.sleep(chance.uniform(0, 0.03))
    await_launcher(host.engine)


@pytest.mark.parametrize("seed", [2])
def test_shims_and_launcher_killed_at_any_moment_end_no_restarting(host: Host, seed: int) -> None:
    policy = RestartPolicy(Restart.ALWAYS)
    containers = [host.start("sh", "-c", "echo x; sleep 0.02; exit 1", restart=policy) for _ in range(4)]
    kill_now_and_then(host, containers, random.Random(seed))  # noqa: S311  (moments, not secrets)
    states = {state.id: state for state in host.engine.repair()}
    assert {states[container].status for container in containers} <= {Status.RUNNING, Status.RESTARTING}
    for container in containers:
        state = host.engine.stop(container, timeout_s=0)
        assert state.status is Status.EXITED
        deaths = host.engine.inspect(container)["deaths"]
        assert [death["run"] for death in deaths] == list(range(state.run, 0, -1))
        assert host.output(container).split() == ["x"] * state.run
    folders = [str(host.home / "containers" / container) for container in containers]
    groups = host.engine._runtime.cgroups
    wait_until(lambda: not any(map(records.has_shim, folders)), "no shim is left")
    wait_until(lambda: not groups.names() & set(containers), "no control group is left")
