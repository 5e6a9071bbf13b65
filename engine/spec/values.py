"""The two questions nearly every check asks of a value."""

from collections.abc import Collection

from engine.errors import InvalidSpec


def between(field: str, value: float | None, least: float, most: float) -> None:
    """Nothing, or a number from `least` to `most`."""
    if value is not None and not least <= value <= most:
        raise InvalidSpec(field, f"{value} is not between {least} and {most}")


def one_of(field: str, value: str, choices: Collection[str]) -> None:
    """One of the words that are known."""
    if value not in choices:
        raise InvalidSpec(field, f"{value[:80]!r} is not one of {', '.join(choices)}")
