"""Holds what comes to a host to the form its task knows: JSON from the broker may come from anyone who reaches it."""

import inspect
import re
import types
import typing
from collections.abc import Callable
from typing import Any

from engine import InvalidSpec

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def check(function: Callable[..., Any], arguments: dict[str, Any]) -> None:
    """The arguments are exactly those `function` takes after its first, each of its type.

    InvalidSpec names the first that is not.
    """
    try:
        inspect.signature(function).bind(None, **arguments)
    except TypeError as error:
        raise InvalidSpec("payload", str(error)) from error
    hints = typing.get_type_hints(function)
    for name, value in arguments.items():
        if not _is_of(value, hints[name]):
            raise InvalidSpec(name, f"{str(value)[:80]!r} is not of the type {hints[name]}")


def check_uuid(field: str, value: str) -> None:
    """InvalidSpec unless it is a UUID as Python writes it."""
    if not UUID.fullmatch(value):
        raise InvalidSpec(field, f"{value[:40]!r} is not a UUID")


def _is_of(value: object, hint: Any) -> bool:
    """Whether a JSON value is what an annotation (`str`, `float | None`, `dict[str, Any]`) asks for."""
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    plain = {typing.get_origin(kind) or kind for kind in kinds}
    return type(value) in plain or (float in plain and type(value) is int)
