"""Containers on a disk that is full, for real: a tmpfs of its own, and nothing left on it."""

import io
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from engine import ContainerSpec, ExecSpec, Mount, MountType, Restart, RestartPolicy, Status, StorageFull
from engine.launcher import messages
from engine.launcher.client import Launcher
from engine.launcher.messages import Plan
from tests.images import busybox, docker_archive
from tests.services.host import Host, running_host
from tests.services.processes import wait_until

_PAGE = 4096


@pytest.fixture(scope="module")
def small() -> Iterator[Host]:
    """A host whose whole disk holds 64 MiB."""
    with tempfile.TemporaryDirectory(prefix="sd-", dir="/tmp") as at:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", at], check=True)
        try:
            with running_host(at) as host:
                host.engine.load_image(io.BytesIO(docker_archive(busybox("busybox:test"))))
                yield host
        finally:
            subprocess.run(["umount", "--lazy", at], check=True)


@contextmanager
def full(host: Host, *, but_pages: int = 0) -> Iterator[None]:
    """While the block is carried out there is no room, or room for so many pages."""
    ballast = host.home.parent / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
        os.ftruncate(file.fileno(), os.fstat(file.fileno()).st_size - but_pages * _PAGE)
    try:
        yield
    finally:
        ballast.unlink()


def test_what_cannot_be_started_for_want_of_room_says_so_and_starts_when_there_is_room(small: Host) -> None:
    container = small.create("sleep", "60")
    with full(small):
        with pytest.raises(StorageFull):
            small.engine.start(container)
        assert small.engine._runtime.cgroups.processes(container) == set()
    states = {state.id: state for state in small.engine.repair()}
    assert states[container].status in (Status.CREATED, Status.EXITED)
    assert small.engine.start(container).status is Status.RUNNING


def test_a_start_that_is_under_way_when_the_disk_fills_leaves_no_program_that_nobody_knows_of(
    small: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    container, start = small.create("sleep", "60"), Launcher.start
    with ExitStack() as filled:

        def fill_and_start(self: Launcher, plan: Plan) -> int:
            filled.enter_context(full(small))
            return start(self, plan)

        monkeypatch.setattr(Launcher, "start", fill_and_start)
        with pytest.raises(StorageFull):
            small.engine.start(container)
        wait_until(lambda: not small.engine._runtime.cgroups.processes(container), "the program is gone")
    monkeypatch.undo()
    repaired = {state.id: state for state in small.engine.repair()}[container]
    assert (repaired.status, repaired.exit_code) == (Status.EXITED, 128)
    assert small.engine.start(container).status is Status.RUNNING


def tried(verb: Callable[[], object]) -> bool:
    """Whether it was done; what was not for want of room says so."""
    try:
        verb()
    except StorageFull as error:
        refusal = error
    else:
        return True
    assert "has no room for" in refusal.message
    assert refusal.hint
    return False


@pytest.mark.parametrize("pages", [0, 3, 6, 8, 9, 11, 12, 13, 14, 15, 17, 20])
def test_however_little_room_there_is_a_verb_is_done_or_says_so_and_leaves_nothing(small: Host, pages: int) -> None:
    container, before = secrets.token_hex(32), set(os.listdir(small.home / "containers"))
    spec = ContainerSpec(f"p{pages}", "busybox:test", ("sh", "-c", "echo hello; exit 3"))
    with full(small, but_pages=pages):
        is_made = tried(lambda: small.engine.create(container, spec))
        if is_made and tried(lambda: small.engine.start(container)):
            assert small.wait(container).exit_code == 3
        small.engine.remove(container, force=True)
    assert set(os.listdir(small.home / "containers")) == before
    assert container not in small.engine._runtime.cgroups.names()
    small.engine.create(container, spec)
    small.engine.start(container)
    assert small.wait(container).exit_code == 3
    small.engine.remove(container)


@pytest.mark.parametrize("pages", [0, 1, 2, 4])
def test_an_exec_runs_or_says_that_there_is_no_room_for_it(small: Host, pages: int) -> None:
    container, ended = small.start("sleep", "60"), []

    def execute() -> None:
        with small.engine.exec(container, ExecSpec(("true",))) as running:
            ended.append(not running.wait(20).running)

    with full(small, but_pages=pages):
        assert tried(execute) == bool(ended)
        assert all(ended)
    first = small.engine.state(container).pid
    wait_until(lambda: small.engine._runtime.cgroups.processes(container) == {first}, "nothing else runs")
    small.engine.remove(container, force=True)


def without_a_plan(host: Host, container: str) -> None:
    """Take away what a container can do without to make room for a note."""
    (host.home / "containers" / container / messages.COMPILED).unlink()


def test_an_end_is_recorded_for_want_of_room_in_place_of_the_plan(small: Host) -> None:
    container = small.start("sleep", "60", restart=RestartPolicy(Restart.ALWAYS))
    with full(small):
        assert small.engine.stop(container, timeout_s=0).exit_code == 137
        assert small.engine.state(container).status is Status.EXITED
    assert small.engine.start(container).status is Status.RUNNING


def test_a_container_with_volumes_is_removed_from_a_full_disk(small: Host) -> None:
    mount = Mount(MountType.VOLUME, "/data")
    container = small.start("sleep", "60", mounts=(mount,))
    small.engine.stop(container, timeout_s=0)
    with full(small):
        small.engine.remove(container, with_volumes=True)
    assert not small.engine.volumes()


def test_an_end_is_recorded_when_there_is_room_again(small: Host) -> None:
    container = small.start("sh", "-c", "trap 'exit 9' USR1; echo ready; while :; do sleep 0.02; done")
    small.wait_for_output(container, "ready")
    pid = small.engine.state(container).pid
    without_a_plan(small, container)
    with full(small):
        os.kill(pid, 10)
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), "it has ended")
        time.sleep(0.3)
        assert small.engine.state(container).status is Status.RUNNING
    assert small.wait(container).exit_code == 9
    assert small.engine.inspect(container)["deaths"][0]["exit_code"] == 9


def test_a_stop_goes_through_unless_a_policy_would_undo_it(small: Host) -> None:
    plain, kept = small.start("sleep", "60"), small.start("sleep", "60", restart=RestartPolicy(Restart.ALWAYS))
    without_a_plan(small, kept)
    with full(small):
        with pytest.raises(StorageFull, match="was asked for"):
            small.engine.stop(kept, timeout_s=0)
        assert small.engine.kill(plain).exit_code == 137
    assert small.engine.state(kept).status is Status.RUNNING


def test_a_restart_waits_for_room(small: Host) -> None:
    container = small.start("sleep", "60", restart=RestartPolicy(Restart.ALWAYS))
    pid = small.engine.state(container).pid
    with full(small):
        os.kill(pid, 9)
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), "it has ended")
        time.sleep(0.3)
    wait_until(lambda: small.engine.state(container).run == 2, "it runs again", timeout_s=20)
    assert small.engine.state(container).status is Status.RUNNING
