"""Verbs cut short at one step by the death of a process at work, and what must be true once that is repaired.

The processes are: `engine` (whoever called the verb), `launcher`, `shim` (that stands ready for the next container),
`guard` (the shim of a container that runs), `birth`, `first` (the container's first process up to execve), `exec shim`,
`entering`.
"""

import os
import secrets
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from engine import ContainerSpec, ContainerState, EngineError, ExecSpec, Restart, RestartPolicy, Status
from engine.launcher import records
from engine.sys import process
from tests.services.host import Host
from tests.services.processes import wait_until
from tests.services.tracer import killing

_PROGRAM = ("sh", "-c", "trap 'exit 3' TERM; while :; do sleep 1 & wait $!; done")
_LONGEST_S = 90.0
_SETTLED_S = 0.1  # what was killed is gone by then, and nothing looks alive that is not


@dataclass(frozen=True)
class Verb:
    """What is done to which container, and who may die of it.

    `prepare` gives the container's id, `act` is called in a process of its own. `may_be_absent`: a container that was
    not there before, or is not to be there after. `goes_on`: the container is to run on, or again, without a repair
    unless the launcher is gone.
    """

    prepare: Callable[[Host], str]
    act: Callable[[Host, str], object]
    victims: tuple[str, ...]
    may_be_absent: bool = False
    goes_on: bool = False


def _running(host: Host, **spec: object) -> str:
    return host.start(*_PROGRAM, **spec)


def _ended(host: Host) -> str:
    container = host.start("true")
    host.wait(container)
    folder = host.home / "containers" / container
    wait_until(lambda: not records.has_shim(str(folder)), "its shim has ended")
    return container


def _with_exec_shim(host: Host) -> str:
    container = _running(host)
    _exec(host, container)
    (lock,) = (host.home / "containers" / container / "exec").glob("*/shim.lock")
    used = int(lock.read_text())
    wait_until(lambda: set(_forked(host.launcher.pid, "moorage-exec")) - {used}, "an exec shim stands ready")
    wait_until(lambda: used not in _forked(host.launcher.pid, "moorage-exec"), "the first has ended")
    return container


def _create(host: Host, container: str) -> None:
    host.engine.create(container, ContainerSpec(f"w-{container[:8]}", "busybox:test", _PROGRAM))


def _exec(host: Host, container: str) -> None:
    with host.engine.exec(container, ExecSpec(("true",))) as running:
        running.wait(20)


def _fail(host: Host, container: str) -> None:
    """Have it end by itself; return when its run, or the next one, is recorded."""
    before = host.engine.state(container)
    os.kill(before.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        wait_until(lambda: host.engine.state(container).seq > before.seq + 2, "it was noticed", timeout_s=4)


VERBS: Mapping[str, Verb] = {
    "create": Verb(lambda _: secrets.token_hex(32), _create, ("engine",), may_be_absent=True),
    "start": Verb(
        lambda host: host.create(*_PROGRAM),
        lambda host, container: host.engine.start(container),
        ("engine", "launcher", "shim", "birth", "first"),
    ),
    "stop": Verb(
        _running,
        lambda host, container: host.engine.stop(container, timeout_s=5),
        ("engine", "launcher", "guard"),
    ),
    "remove": Verb(
        _ended, lambda host, container: host.engine.remove(container, force=False), ("engine",), may_be_absent=True
    ),
    "remove by force": Verb(
        _running,
        lambda host, container: host.engine.remove(container, force=True),
        ("engine", "guard"),
        may_be_absent=True,
    ),
    "exec": Verb(_with_exec_shim, _exec, ("engine", "launcher", "exec shim", "entering", "first")),
    "restart by policy": Verb(
        lambda host: _running(host, restart=RestartPolicy(Restart.ALWAYS)),
        _fail,
        ("launcher", "guard", "shim", "birth", "first"),
        goes_on=True,
    ),
}
CASES = [(verb, victim) for verb, what in VERBS.items() for victim in what.victims]
"""Each verb with each process that may die of it."""


@dataclass
class Walk:
    """A host on which verbs are cut short, each of them leaving nothing behind."""

    host: Host
    descriptors: int = field(init=False)

    def __post_init__(self) -> None:
        self.host.engine.remove(self.host.create("true"))  # so that there is a folder for containers
        wait_until(lambda: _ready(self.host.launcher.pid), "a pair stands ready")
        self.descriptors = self._descriptors()

    def cut_short(self, name: str, victim: str, step: int) -> str:
        """Do the verb and kill `victim` at its step number `step`, then repair; the system call it died at.

        Empty if it came to its end before that. AssertionError for anything that is not true or left behind.
        """
        verb = VERBS[name]
        container = verb.prepare(self.host)
        try:
            roles = self._roles(container)
            caller, go = _fork(lambda: verb.act(self.host, container))
            with killing(roles | {caller: "engine"}, victim, step) as blow:
                os.write(go, b"g")
                os.close(go)
                wait_until(lambda: os.waitpid(caller, os.WNOHANG)[0], f"{name} comes to an end", timeout_s=_LONGEST_S)
                fell_at = blow.look(timeout_s=0.1)  # what is at work may be so a little longer than the verb
            if fell_at and victim == "launcher":
                self.host.launcher.wait()
            if verb.goes_on and victim != "launcher":
                time.sleep(_SETTLED_S)
                wait_until(lambda: self._goes_on(container), "the policy is kept")
            self._repair(container, verb)
        finally:
            self.host.engine.remove(container, force=True)  # so that one failure is not everybody's
        return fell_at

    def _roles(self, container: str) -> dict[int, str]:
        launcher = self.host.launcher.pid
        lock = self.host.home / "containers" / container / "shim.lock"
        guard = int(lock.read_text()) if lock.exists() and records.has_shim(str(lock.parent)) else 0
        shim, birth = wait_until(lambda: _ready(launcher, guard), "a pair stands ready")
        waiting = dict.fromkeys(_forked(launcher, "moorage-exec"), "exec shim")
        return waiting | {launcher: "launcher", shim: "shim", birth: "birth"} | ({guard: "guard"} if guard else {})

    def _goes_on(self, container: str) -> bool:
        folder = str(self.host.home / "containers" / container)
        if not records.has_shim(folder):
            return False
        started = records.read_started(folder)
        runs = started is not None and process.is_alive(started.pid, started.ticks, started.boot)
        return runs or self.host.engine.state(container).status is Status.RESTARTING

    def _repair(self, container: str, verb: Verb) -> None:
        if self.host.launcher.poll() is not None:
            self.host.restart_launcher()
        engine = self.host.engine
        repaired = {state.id: state for state in engine.repair()}.get(container)
        if repaired is None:
            assert verb.may_be_absent
        else:
            self._check(repaired)
            if repaired.status in (Status.CREATED, Status.EXITED):
                assert engine.start(container).status in (Status.RUNNING, Status.EXITED)  # some run `true`
            engine.remove(container, force=True)
        with suppress(TimeoutError):
            wait_until(lambda: not self._left(), "nothing is left")
        left = self._left()
        assert left == [], "\n".join(left)

    def _check(self, state: ContainerState) -> None:
        folder = self.host.home / "containers" / state.id
        if state.status is Status.RUNNING:
            started = records.read_started(str(folder))
            assert started is not None
            assert process.is_alive(started.pid, started.ticks, started.boot)
            wait_until(lambda: records.has_shim(str(folder)), "somebody guards it")
        elif state.status is not Status.RESTARTING:
            assert state.pid == 0
            assert state.id not in self.host.engine._runtime.cgroups.names()
        wait_until(lambda: not any(one.running for one in self.host.engine.exec_states(state.id)), "no exec runs")

    def _left(self) -> list[str]:
        """Everything that should not be there when there is no container."""
        host, launcher = self.host, self.host.launcher.pid
        left = [f"folder {entry}" for entry in os.listdir(host.home / "containers")]
        left += [f"group {name}" for name in host.engine._runtime.cgroups.names()]
        left += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(host.home) in line]
        expected = {launcher, *_children(launcher, "moorage-zygote"), *_forked(launcher, "moorage-exec")[:1]}
        for shim in _forked(launcher, "moorage-shim")[:1]:
            expected |= {shim, *_children(shim)[:1]}
        left += [f"process {pid} {_name(pid)}" for pid in _of(host) - expected]
        more = self._descriptors() - self.descriptors
        return left + ([f"{more} descriptors of the launcher's"] if more > 0 else [])

    def _descriptors(self) -> int:
        """How many the launcher has, but for one that leads to an exec shim that stands ready."""
        launcher = self.host.launcher.pid
        return len(os.listdir(f"/proc/{launcher}/fd")) - len(_forked(launcher, "moorage-exec"))


def _fork(act: Callable[[], object]) -> tuple[int, int]:
    """A process that acts as soon as something is written to the descriptor: its pid, and that."""
    waiting, go = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid:
        os.close(waiting)
        return pid, go
    try:
        os.close(go)
        os.read(waiting, 1)
        with suppress(EngineError):
            act()
    finally:
        os._exit(0)


def _children(pid: int, name: str = "") -> list[int]:
    """The children of a process that have not ended, those of one name if it is given; none of one that is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        children = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return [child for child in children if _name(child).startswith(name or "moorage")]
    return []


def _forked(launcher: int, name: str) -> list[int]:
    """Processes of this name that the launcher forked, or its zygote did."""
    parents = [launcher, *_children(launcher, "moorage-zygote")]
    return [child for parent in parents for child in _children(parent, name)]


def _name(pid: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _ready(launcher: int, guard: int = 0) -> list[int]:
    """The pair that stands ready, shim and birth, once birth has made its namespaces; `guard` is no part of it."""
    ours = os.readlink("/proc/self/ns/mnt")
    for shim in _forked(launcher, "moorage-shim"):
        for birth in _children(shim) if shim != guard else []:
            with suppress(FileNotFoundError, ProcessLookupError):
                if os.readlink(f"/proc/{birth}/ns/mnt") != ours and not _children(birth):
                    return [shim, birth]
    return []


def _of(host: Host) -> set[int]:
    """The launcher of the host and all that was ever forked from it without becoming another program."""
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                if f"{host.run}/".encode() in Path(f"/proc/{entry}/cmdline").read_bytes():
                    found.add(int(entry))
    return found
