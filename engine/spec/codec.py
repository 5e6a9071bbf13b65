"""Turns frozen dataclasses into JSON values and back, strictly: what comes in may come from anyone.

Two naming habits are served: the engine's own values use their field names as they are, OCI documents use
lowerCamelCase (`oci=True`). Fields that hold `None` or their empty default are left out of OCI documents, as the
specification's `omitempty` fields are.
"""

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Self, TypeVar, cast

from engine.errors import InvalidSpec

T = TypeVar("T")
_PLAIN = frozenset({str, int, float, bool})


def key(name: str) -> dict[str, str]:
    """Metadata of a field whose key in OCI documents is not its own name in lowerCamelCase (`blockIO`, `class`)."""
    return {"oci": name}


def to_json(value: Any, *, oci: bool = False) -> Any:
    """A JSON value (dict, list, str, int, float, bool, None) equal in content to `value`."""
    kind: Any = type(value)
    if value is None or kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return [item if type(item) in _PLAIN else to_json(item, oci=oci) for item in value]
    if (written := _written(kind, oci)) is not None:
        return _object(written, value, oci)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): to_json(item, oci=oci) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item, oci=oci) for item in value]
    return value


def _object(written: "list[_Written]", value: Any, oci: bool) -> dict[str, Any]:
    found = {}
    for name, key, is_required, is_false_unsaid in written:
        item = getattr(value, name)
        if oci and (item is None or item is False):
            if item is None or is_false_unsaid:
                continue
        elif oci and not is_required and not item and item in ((), {}, ""):
            continue
        found[key] = item if type(item) in _PLAIN else to_json(item, oci=oci)
    return found


_Written = tuple[str, str, bool, bool]
"""A field as `to_json` needs it: name, key, whether it has no default, whether it is false without being said."""


@functools.cache
def _written(kind: Any, oci: bool) -> list[_Written] | None:
    """None for what is no dataclass."""
    if not dataclasses.is_dataclass(kind):
        return None
    fields = dataclasses.fields(kind)
    return [(field.name, key_of(field, oci=oci), _is_required(field), field.default is False) for field in fields]


def from_json(kind: type[T], value: object, *, oci: bool = False, is_strict: bool | None = None, where: str = "") -> T:
    """Build a `kind` (a dataclass) from a JSON object.

    Raises InvalidSpec naming the field (`resources.memory_bytes`) for a missing, unknown or wrongly typed one. OCI
    documents may hold `null` for what is not there, as programs in Go write it, and, unless `is_strict`, keys that are
    not known here, as their specification demands of readers.
    """
    is_strict = not oci if is_strict is None else is_strict
    if not isinstance(value, dict):
        raise InvalidSpec(where or kind.__name__, "must be an object")
    fields = _fields(cast(Any, kind), oci, is_strict)
    arguments = {}
    for key, item in value.items():
        if oci and item is None:
            continue
        if key in fields:
            arguments[fields[key].name] = fields[key].convert(item, _join(where, key))
        elif is_strict:
            raise InvalidSpec(_join(where, str(key)), "is not a known field")
    for key, field in fields.items():
        if field.is_required and field.name not in arguments:
            raise InvalidSpec(_join(where, key), "is required")
    return kind(**arguments)


class Document:
    """Base of the dataclasses that cross the engine's border as JSON objects, fields under their own names."""

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Build and validate; InvalidSpec names the first field that is missing, unknown or wrong."""
        document = from_json(cls, value)
        document.validate()
        return document

    def to_json(self) -> dict[str, Any]:
        """All fields; `from_json` takes the same."""
        return cast(dict[str, Any], to_json(self))

    def validate(self) -> None:
        """Raise InvalidSpec for the first value that cannot be; without checks of its own any can."""


Convert = Callable[[Any, str], Any]
"""Takes a JSON value and its place in the document; gives the Python value, or raises InvalidSpec naming the place."""


@dataclasses.dataclass(frozen=True)
class _Field:
    name: str
    is_required: bool
    convert: Convert


@functools.cache
def _fields(kind: Any, oci: bool, is_strict: bool) -> dict[str, _Field]:
    """What is known of a dataclass by JSON key, worked out once: containers wait for this when they start."""
    hints = typing.get_type_hints(kind)
    return {
        key_of(field, oci=oci): _Field(field.name, _is_required(field), _converter(hints[field.name], oci, is_strict))
        for field in dataclasses.fields(kind)
    }


def _converter(hint: Any, oci: bool, is_strict: bool) -> Convert:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _optional(hint, oci, is_strict)
    if origin is tuple:
        return _list(typing.get_args(hint)[0], oci, is_strict)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(typing.get_args(hint)[1], oci, is_strict)
    if dataclasses.is_dataclass(hint):
        return lambda value, where: from_json(cast(type[Any], hint), value, oci=oci, is_strict=is_strict, where=where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return lambda value, where: _enum(hint, value, where)
    if hint is Any:
        return lambda value, where: value
    return lambda value, where: _scalar(hint, value, where)


def _optional(hint: Any, oci: bool, is_strict: bool) -> Convert:
    kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
    convert = _converter(kinds[0], oci, is_strict)
    return lambda value, where: None if value is None else convert(value, where)


def _list(item_hint: Any, oci: bool, is_strict: bool) -> Convert:
    convert = _converter(item_hint, oci, is_strict)

    def to_tuple(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise InvalidSpec(where, "must be a list")
        if item_hint is str and all(type(item) is str and item.isascii() and "\0" not in item for item in value):
            return tuple(value)  # the usual case, and a long one in seccomp profiles
        return tuple(convert(item, f"{where}[{index}]") for index, item in enumerate(value))

    return to_tuple


def _mapping(item_hint: Any, oci: bool, is_strict: bool) -> Convert:
    convert = _converter(item_hint, oci, is_strict)

    def to_dict(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise InvalidSpec(where, "must be an object")
        return {_text(key, _join(where, key)): convert(item, _join(where, key)) for key, item in value.items()}

    return to_dict


def _enum(hint: type[Enum], value: Any, where: str) -> Enum:
    try:
        return hint(value)
    except ValueError:
        choices = ", ".join(str(member.value) for member in hint)
        raise InvalidSpec(where, f"{value!r} is not one of {choices}") from None


_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if type(value) is not hint:
        if hint is float and type(value) is int:
            return float(value)
        raise InvalidSpec(where, f"must be {_WORDS.get(hint, str(hint))}")
    return _text(value, where) if hint is str else value


def _text(value: str, where: str) -> str:
    """The kernel ends a text at the first NUL byte; and halves of a surrogate pair, which JSON can spell, are none."""
    if "\0" in value:
        raise InvalidSpec(where, "must not hold a NUL byte")
    if not _is_encodable(value):
        raise InvalidSpec(where, "must be text that UTF-8 can encode")
    return value


def _is_encodable(value: str) -> bool:
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


@functools.cache
def key_of(field: "dataclasses.Field[Any]", *, oci: bool) -> str:
    """The field's key in a document."""
    if not oci:
        return field.name.rstrip("_")
    if "oci" in field.metadata:
        return cast(str, field.metadata["oci"])
    first, *rest = field.name.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _join(where: str, key: str) -> str:
    key = key if key.isascii() else key.encode(errors="replace").decode()  # whoever shows it must be able to
    return f"{where}.{key}" if where else key
