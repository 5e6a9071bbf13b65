"""What a caller may ask of one more program in a running container, and what the engine tells about one."""

from dataclasses import dataclass

from engine.errors import InvalidSpec
from engine.spec import checks, codec
from engine.spec.runtime import ConsoleSize
from engine.spec.runtime.checks import process


@dataclass(frozen=True)
class ExecSpec(codec.Document):
    """One more program for a container that runs; what is not said is as for the container's own program.

    `env` is added to the container's environment, `user` is `name|uid[:group|gid]` of the container's own files.
    `privileged` grants every capability; the container's seccomp filter stays. `stdin`, `stdout` and `stderr` say which
    of them the caller wants to hold the other end of; what nobody holds is the container's /dev/null. With a `terminal`
    all three are one, and the caller holds its master.
    """

    command: tuple[str, ...]
    env: tuple[str, ...] = ()
    cwd: str = ""
    user: str = ""
    privileged: bool = False
    terminal: bool = False
    terminal_size: ConsoleSize | None = None
    stdin: bool = False
    stdout: bool = True
    stderr: bool = True

    def validate(self) -> None:
        """Raise InvalidSpec for the first value that no container could run."""
        if not self.command:
            raise InvalidSpec("command", "names no program to run", hint="Give a command.")
        checks.not_empty("command[0]", self.command[0])
        checks.environment(self.env)
        checks.absolute_path("cwd", self.cwd)
        checks.user(self.user)
        process.console_size("terminal_size", self.terminal_size)


@dataclass(frozen=True)
class ExecState(codec.Document):
    """What the engine knows of one such program now. Times are RFC 3339 in UTC with microseconds, or empty.

    `pid` is the host's number, 0 when it does not run. `exit_code` is `None` until its end, 128+n after a death by
    signal n, 126/127 when it could not be started; `error` says why that was, or that its end was not seen by anyone.
    """

    id: str
    container: str
    spec: ExecSpec
    created_at: str
    running: bool
    pid: int = 0
    started_at: str = ""
    finished_at: str = ""
    exit_code: int | None = None
    error: str = ""
