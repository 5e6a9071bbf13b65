"""A child in the memory of its parent."""

import os
import secrets
import signal
import sys
import time
from pathlib import Path

import pytest

from engine.errors import KernelError
from engine.sys import process, spawn


def status_of(pid: int, pidfd: int) -> int:
    os.close(pidfd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_program_is_executed_and_the_parent_goes_on_as_it_was(tmp_path: Path) -> None:
    out = os.open(tmp_path / "out", os.O_CREAT | os.O_WRONLY)

    def life() -> None:
        os.dup2(out, 1)
        os.chdir("/")
        os.execv("/bin/pwd", ["pwd", "-P"])  # noqa: S606

    here = Path.cwd()
    for _ in range(20):
        assert status_of(*spawn.spawn(0, life)) == 0  # type: ignore[arg-type] # execv does not return
    os.close(out)
    assert (tmp_path / "out").read_text() == "/\n" * 20
    assert Path.cwd() == here
    assert [str(number) for number in range(3)] == ["0", "1", "2"]


def test_a_child_that_fails_ends_alone(capfd: pytest.CaptureFixture[str]) -> None:
    def life() -> None:
        raise ValueError("no good")

    assert status_of(*spawn.spawn(0, life)) == 1  # type: ignore[arg-type]
    assert "no good" in capfd.readouterr().err


def test_a_parent_that_could_wait_for_ever_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawn, "_LONGEST_S", 1)
    parent = os.fork()
    if parent == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        spawn.spawn(0, lambda: time.sleep(2))  # type: ignore[arg-type,return-value]
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(parent, 0)[1]) == -signal.SIGALRM


def test_the_interpreter_finds_the_frames_of_the_parent_again() -> None:
    def life() -> None:
        os._exit(0)

    def deeper(depth: int) -> list[str]:
        made = type("Made", (), {}).__module__  # by the frame that the interpreter believes to be in
        return [made, *(deeper(depth - 1) if depth else [])]

    assert status_of(*spawn.spawn(0, life)) == 0  # type: ignore[arg-type]
    assert sys._getframe().f_code.co_name.startswith("test_the_interpreter")
    assert deeper(50) == [__name__] * 51


def test_a_sleeper_keeps_its_namespace_until_it_is_killed() -> None:
    ours = Path("/proc/self/ns/user").readlink()
    keeper = spawn.sleeper(process.CLONE_NEWUSER)
    try:
        assert Path(f"/proc/{keeper}/ns/user").readlink() != ours
    finally:
        os.kill(keeper, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(keeper, 0)[1]) == -signal.SIGKILL
    assert Path("/proc/self/ns/user").readlink() == ours


def test_it_can_be_first_in_a_new_namespace() -> None:
    assert status_of(*spawn.spawn(process.CLONE_NEWPID, lambda: os._exit(os.getpid() + 40))) == 41


@pytest.mark.v2
def test_it_is_born_into_a_group() -> None:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    folder = Path(next(fields[1] for fields in mounts if fields[2] == "cgroup2"), f"spawn-{secrets.token_hex(4)}")
    folder.mkdir()
    fd = os.open(folder, os.O_RDONLY)

    def life() -> None:
        os._exit(0 if folder.name in Path("/proc/self/cgroup").read_text() else 1)

    try:
        if spawn.can_spawn_into_group(os.uname().machine):
            assert status_of(*spawn.spawn(0, life, cgroup_fd=fd)) == 0  # type: ignore[arg-type]
    finally:
        os.close(fd)
        folder.rmdir()


def test_flags_the_kernel_refuses_are_told() -> None:
    with pytest.raises(KernelError, match="clone"):
        spawn.spawn(process.CLONE_NEWNS | 0x200, lambda: os._exit(0))  # CLONE_FS does not go with it
