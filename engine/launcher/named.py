"""Tuples with named fields, without the modules `typing` and `collections` that make Python's own.

Whatever the launcher imports lies between the few objects that a shim touches, and so makes each shim larger: this file
exists to save some 0.7 MB per container.
"""

from __future__ import annotations

from _collections import _tuplegetter  # type: ignore[import-not-found] # what collections.namedtuple uses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - mypy wants to see it is exported
else:

    class NamedTuple(tuple):
        """What type checkers read as `typing.NamedTuple`: the annotations of a subclass are its fields, in order."""

        __slots__ = ()

        def __init_subclass__(cls):
            cls._fields = tuple(cls.__annotations__)
            for index, name in enumerate(cls._fields):
                setattr(cls, name, _tuplegetter(index, f"Field {index}."))

        def __new__(cls, *values, **named):
            """All fields, by position or by name. Raises TypeError for one too many, unknown or missing."""
            rest = cls._fields[len(values) :]
            if len(values) > len(cls._fields) or set(rest) != set(named):
                raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}")
            return tuple.__new__(cls, (*values, *(named[name] for name in rest)))

        def _asdict(self):
            """Field names to values."""
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, **named):
            """A copy with some fields changed."""
            return type(self)(**self._asdict() | named)

        def __repr__(self):
            return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._asdict().items())})"
