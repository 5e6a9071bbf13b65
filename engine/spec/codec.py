"""Turns frozen dataclasses into JSON values and back, strictly: what comes in may come from anyone.

Two naming habits are served: the engine's own values use their field names as they are, OCI documents use
lowerCamelCase (`oci=True`). Fields that hold `None` or their empty default are left out of OCI documents, as the
specification's `omitempty` fields are.
"""

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar, cast

from engine.errors import InvalidSpec

T = TypeVar("T")


def to_json(value: Any, *, oci: bool = False) -> Any:
    """A JSON value (dict, list, str, int, float, bool, None) equal in content to `value`."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {
            _key(field, oci): to_json(item, oci=oci) for field, item in pairs if not (oci and _is_omitted(field, item))
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): to_json(item, oci=oci) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item, oci=oci) for item in value]
    return value


def from_json(kind: type[T], value: object, *, oci: bool = False, where: str = "") -> T:
    """Build a `kind` (a dataclass) from a JSON object.

    Raises InvalidSpec naming the field (`resources.memory_bytes`) for a missing, unknown or wrongly typed one; OCI
    documents may hold keys that are not known here, as their specification demands of readers.
    """
    if not isinstance(value, dict):
        raise InvalidSpec(where or kind.__name__, "must be an object")
    fields = {_key(field, oci): field for field in dataclasses.fields(cast(Any, kind))}
    if not oci and (unknown := value.keys() - fields.keys()):
        raise InvalidSpec(_join(where, str(min(unknown))), "is not a known field")
    hints = _hints(cast(Any, kind))
    arguments = {
        field.name: _convert(hints[field.name], value[key], oci, _join(where, key))
        for key, field in fields.items()
        if key in value
    }
    for key, field in fields.items():
        if field.name not in arguments and _is_required(field):
            raise InvalidSpec(_join(where, key), "is required")
    return kind(**arguments)


def _convert(hint: Any, value: Any, oci: bool, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _convert_optional(hint, value, oci, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise InvalidSpec(where, "must be a list")
        item_hint = typing.get_args(hint)[0]
        if item_hint is str and all(type(item) is str and "\0" not in item for item in value):
            return tuple(value)  # the usual case, and a long one in seccomp profiles
        return tuple(_convert(item_hint, item, oci, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise InvalidSpec(where, "must be an object")
        item_hint = typing.get_args(hint)[1]
        return {key: _convert(item_hint, item, oci, _join(where, key)) for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return from_json(cast(type[Any], hint), value, oci=oci, where=where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _convert_enum(hint, value, where)
    return value if hint is Any else _scalar(hint, value, where)


def _convert_optional(hint: Any, value: Any, oci: bool, where: str) -> Any:
    kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
    if value is None and len(kinds) < len(typing.get_args(hint)):
        return None
    return _convert(kinds[0], value, oci, where)


def _convert_enum(hint: type[Enum], value: Any, where: str) -> Enum:
    try:
        return hint(value)
    except ValueError:
        choices = ", ".join(str(member.value) for member in hint)
        raise InvalidSpec(where, f"{value!r} is not one of {choices}") from None


_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise InvalidSpec(where, f"must be {_WORDS.get(hint, str(hint))}")
    if hint is str and "\0" in value:
        raise InvalidSpec(where, "must not hold a NUL byte")
    return value


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _key(field: "dataclasses.Field[Any]", oci: bool) -> str:
    if not oci:
        return field.name
    if "oci" in field.metadata:
        return cast(str, field.metadata["oci"])
    first, *rest = field.name.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _is_omitted(field: "dataclasses.Field[Any]", value: Any) -> bool:
    return value is None or (not _is_required(field) and value in ((), {}, "", False))


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
