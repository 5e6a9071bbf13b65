"""The floor under a start: `floor.c` on a container of the engine's, in namespaces that stand ready as birth's do."""

import os
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench import floor_calls
from bench.host import spec_of
from bench.programs import compile_static
from engine import Engine, Image
from engine.container import compiled, state
from engine.launcher import sandbox
from engine.launcher.messages import Plan, unpack_birth
from engine.spec.runtime import Resources

_FIRST_FD = 100  # what stands ready goes where no descriptor of this process is


@dataclass(frozen=True)
class Floor:
    """A container to be started by nothing but system calls, again and again; `work` holds what floor.c is given."""

    engine: Engine
    program: Path
    work: Path
    plan: Plan
    resources: Resources
    cgroup: str

    @classmethod
    def make(cls, engine: Engine, image: Image, command: str, work: Path) -> Self:
        """For a container of `image` that runs `command`."""
        work.mkdir()
        container = secrets.token_hex(32)
        engine.create(container, spec_of(image, "floor", command))
        runtime = engine._runtime
        folder = runtime.folder(container)
        (folder / "log").mkdir(exist_ok=True)
        record = state.load_record(folder)
        plan, resources = compiled.load(runtime, folder, record, run=1, restarts=0)
        (work / "seccomp").write_bytes(unpack_birth(plan.birth).seccomp)
        runtime.cgroups.create(record.cgroup, resources)  # for the groups above it
        runtime.cgroups.remove(record.cgroup)
        return cls(engine, compile_static("floor", work), work, plan, resources, record.cgroup)

    def start(self) -> float:
        """Milliseconds from the first call to the first instruction of the program."""
        command = [str(self.program), str(self.work / "calls")]
        try:
            done = subprocess.run(
                command,
                check=True,
                stdout=subprocess.PIPE,
                close_fds=False,  # what stands ready is passed on; everything else is close-on-exec
                preexec_fn=self._stand_ready,
            )
        finally:
            self.engine._runtime.cgroups.remove(self.cgroup)
        stamp, began = done.stdout.split()
        return (int(stamp) - int(began)) / 1e6

    def _stand_ready(self) -> None:
        """What birth has before anybody asks for a start, and what it then does with it, as a list."""
        ready = sandbox.make()
        numbers = [os.dup2(fd, _FIRST_FD + place) for place, fd in enumerate(ready[1:])]
        ready = sandbox.Sandbox(ready.first_id, *numbers)
        at = self.engine._runtime.cgroups.places(self.cgroup)
        calls = floor_calls.calls(self.plan, self.resources, at, ready, self.work / "seccomp")
        (self.work / "calls").write_text(calls)
