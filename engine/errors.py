"""Every error the engine raises, as one tree; each says what was tried, on what, why it failed and what to do."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing itself is large, and every shim would carry it
if TYPE_CHECKING:
    from typing import Any


class EngineError(Exception):
    """Base of all engine errors.

    `code` is a stable machine-readable word (used in problem documents and task results), `hint` what to do next.
    """

    code = "engine-error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def to_json(self) -> dict[str, Any]:
        """The error as plain data: `{"code", "message", "hint"}`, what a task result and a problem document carry."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class NotFound(EngineError):
    """The named container, image, layer or upload does not exist on this host."""

    code = "not-found"


class Conflict(EngineError):
    """The object exists but its state, name or users forbid the operation."""

    code = "conflict"


class InvalidSpec(EngineError):
    """A value that was asked for is not valid; `field` names it in the caller's terms (`resources.memory_bytes`)."""

    code = "invalid-spec"

    def __init__(self, field: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{field}: {message}", hint=hint)
        self.field = field

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {"field": self.field}


class InvalidArchive(EngineError):
    """An image archive, layer or root filesystem tarball is broken, truncated, hostile or fails its digest."""

    code = "invalid-archive"


class DigestMismatch(InvalidArchive):
    """A blob, layer or document has other bytes than its digest says: it is wrong as a whole, not in one place."""


class StorageFull(EngineError):
    """The disk under the state folder has not enough room, or would be left with less than the reserve."""

    code = "storage-full"


class DamagedStore(EngineError):
    """A file of the state folder that others lead to is missing or not what it should be."""

    code = "damaged-store"


class Unsupported(EngineError):
    """This host's kernel or configuration cannot do what was asked; the message quotes the missing capability."""

    code = "unsupported"


class Unauthorized(EngineError):
    """A registry or peer refused the credentials."""

    code = "unauthorized"


class Unreachable(EngineError):
    """A registry or mirror does not answer: no such host, no connection, no TLS that could be trusted."""

    code = "unreachable"


class RegistryError(EngineError):
    """A registry answered something that is no success: `status` of HTTP, and its own code and words in the message."""

    code = "registry-error"

    def __init__(self, message: str, *, status: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class RateLimited(RegistryError):
    """A registry wants to be left alone for a while: `retry_after_s` seconds where it says how long, else 0."""

    code = "rate-limited"

    def __init__(self, message: str, *, retry_after_s: int = 0, hint: str = "") -> None:
        super().__init__(message, status=429, hint=hint)
        self.retry_after_s = retry_after_s

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {"retry_after_s": self.retry_after_s}


class Cancelled(EngineError):
    """The caller asked for the operation to stop and everything half done was undone."""

    code = "cancelled"


class LauncherUnavailable(EngineError):
    """The launcher process of this host does not answer on its socket."""

    code = "launcher-unavailable"


class CommandNotFound(EngineError):
    """The container's program does not exist in its root filesystem: exit code 127, as shells and Docker say."""

    code = "command-not-found"
    exit_code = 127


class CommandNotExecutable(EngineError):
    """The container's program exists but cannot be executed: exit code 126."""

    code = "command-not-executable"
    exit_code = 126


class KernelError(EngineError):
    """A system call failed: which one, its errno, and the path or object it was tried on."""

    code = "kernel-error"

    def __init__(self, syscall: str, errno: int, path: str = "", *, hint: str = "") -> None:
        where = f" on {path}" if path else ""
        super().__init__(f"{syscall}{where} failed: {os.strerror(errno)} (errno {errno})", hint=hint)
        self.syscall = syscall
        self.errno = errno
        self.path = path

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {"syscall": self.syscall, "errno": self.errno, "path": self.path}
