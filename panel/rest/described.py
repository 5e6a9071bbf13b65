"""The engine's values as the OpenAPI document describes them: serializers made from dataclasses, field by field.

They describe and do not check: what comes in is read by the dataclass itself, whose rules are the only ones.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any

from rest_framework import serializers

Texts = Mapping[str, Mapping[str, str]]
"""What fields mean where their names do not say it, by dataclass and field."""

SerializerType = type[serializers.Serializer[Any]]

_SCALARS: dict[Any, type[serializers.Field[Any, Any, Any, Any]]] = {
    str: serializers.CharField,
    int: serializers.IntegerField,
    float: serializers.FloatField,
    bool: serializers.BooleanField,
    Any: serializers.JSONField,
}


class Describer:
    """Makes serializers of dataclasses whose fields mean what `texts` says."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts
        self._made: dict[Any, SerializerType] = {}

    def plain(self, kind: type[Any]) -> SerializerType:
        """The serializer of `kind` with all its fields, always the same one."""
        if kind not in self._made:
            self._made[kind] = self.serializer(kind)
        return self._made[kind]

    def serializer(
        self,
        kind: type[Any],
        *,
        name: str = "",
        about: str = "",
        without: tuple[str, ...] = (),
        nullable: bool = False,
        further: Mapping[str, serializers.Field[Any, Any, Any, Any]] | None = None,
    ) -> SerializerType:
        """A serializer of its own; `without` leaves fields out, `further` are others beside them.

        Every field may be null with `nullable`, as in a change where that clears it. `name` is what the document calls
        it, `about` what it says of it, both as the dataclass unless told otherwise.
        """
        hints, texts = typing.get_type_hints(kind), self.texts.get(kind.__name__, {})
        fields: dict[str, Any] = {
            field.name.rstrip("_"): self._field(
                hints[field.name],
                required=_is_required(field),
                help_text=texts.get(field.name, ""),
                allow_null=nullable,
            )
            for field in dataclasses.fields(kind)
            if field.name not in without
        }
        attributes = {"__doc__": about or kind.__doc__, "__module__": __name__, **fields, **(further or {})}
        return type(f"{name or kind.__name__}Serializer", (serializers.Serializer,), attributes)

    def _field(self, hint: Any, **options: Any) -> serializers.Field[Any, Any, Any, Any]:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in (types.UnionType, typing.Union):
            (one,) = (argument for argument in arguments if argument is not type(None))
            return self._field(one, **options | {"allow_null": True})
        if origin is tuple:
            return serializers.ListField(child=self._field(arguments[0]), **options)
        if origin is not None and issubclass(origin, Mapping):
            return serializers.DictField(child=self._field(arguments[1]), **options)
        if dataclasses.is_dataclass(hint):
            return self.plain(typing.cast(type[Any], hint))(**options)
        if hint is not Any and issubclass(hint, Enum):
            return serializers.ChoiceField([(member.value, member.name) for member in hint], **options)
        if hint is str:
            options["allow_blank"] = True
        return _SCALARS[hint](**options)


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
