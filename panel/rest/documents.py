"""Requests whose body is a document that something else checks, with a few words of the panel's own in it."""

from typing import Any, TypeVar

from rest_framework.request import Request

from panel.errors import Invalid

T = TypeVar("T", bool, float, str)


def document(request: Request) -> dict[str, Any]:
    """The request's body as it is, for the service to check. Raises Invalid."""
    if not isinstance(request.data, dict):
        raise Invalid("The body must be a JSON object.")
    return dict(request.data)


def taken(document: dict[str, Any], name: str, kind: type[T], default: T) -> T:
    """What `document` says of `name`, which is the panel's own word there and taken out. Raises Invalid."""
    value = document.pop(name, default)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise Invalid(f"must be of the type {kind.__name__}", field=name)
    return value
