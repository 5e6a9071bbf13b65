"""What a service may answer instead of doing what was asked; `panel/rest/problems.py` maps each to HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import PermissionDenied
from django.utils.functional import Promise

from engine import InvalidSpec


class Refused(Exception):
    """Base: `code` is a stable word, `message` says what cannot be done and why, `hint` what to do.

    `field` names the input that is at fault in the caller's terms (`name`, `resources.memory_bytes`), or is empty.
    """

    code = "refused"

    def __init__(self, message: "str | Promise", *, hint: "str | Promise" = "", field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.field = field


class Missing(Refused):
    """The object does not exist, or the actor may not know of it."""

    code = "not-found"


class Conflicting(Refused):
    """The object's state, name or users forbid it."""

    code = "conflict"


class Invalid(Refused):
    """A value that was asked for is not valid; `field` names it."""

    code = "invalid-spec"


class Unreachable(Refused):
    """A part of the panel or of a host that is needed right now does not answer."""

    code = "unreachable"


class NotPermitted(PermissionDenied):
    """The actor does not hold `permission`, needed for `because` if that is said; the attempt is in the audit log."""

    def __init__(self, permission: str, because: str = "") -> None:
        super().__init__(f"this needs the permission {permission}" + (f" for {because}" if because else ""))
        self.permission = permission


@contextmanager
def in_callers_terms(prefix: str = "") -> Iterator[None]:
    """Turn the engine's InvalidSpec into Invalid; `prefix` is what only the engine's name of the field begins with."""
    try:
        yield
    except InvalidSpec as error:
        message = error.message.removeprefix(f"{error.field}: ")
        raise Invalid(message, hint=error.hint, field=error.field.removeprefix(prefix)) from error
