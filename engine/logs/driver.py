"""What a log driver does for a shim: a type and no code, so that no shim carries it."""

from typing import Protocol


class Writer(Protocol):
    """What a driver does for a shim; see `LogWriter`."""

    def copy_from(self, fd: int, stream: int) -> int:
        """Take what is ready on `fd`."""

    def write(self, data: bytes | memoryview, stream: int) -> None:
        """Take `data`."""

    def mark_end(self, run: int) -> None:
        """Nothing more comes of run number `run`."""

    def settle(self) -> None:
        """The end is recorded by now: let go of what was kept until then."""

    def tend(self) -> int | None:
        """Do what waited; in how many milliseconds to call again, None for no need."""

    def close(self) -> None:
        """Let go of the log and its lock."""
