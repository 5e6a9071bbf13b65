"""What a request's query says."""

from aiohttp import web

from engine import InvalidSpec

_FLAGS = {"": False, "0": False, "false": False, "1": True, "true": True}


def flag(request: web.Request, name: str) -> bool:
    """Whether it is set. Raises InvalidSpec for what is neither true nor false."""
    text = request.query.get(name, "").lower()
    if text not in _FLAGS:
        raise InvalidSpec(name, f"{text[:40]!a} is neither true nor false")
    return _FLAGS[text]


def seconds(request: web.Request, name: str, default: float, *, least: float, most: float) -> float:
    """A number of seconds between `least` and `most`."""
    text = request.query.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        raise InvalidSpec(name, f"{text[:40]!a} is not a number") from None
    if not least <= value <= most:
        raise InvalidSpec(name, f"{text[:40]!a} is not between {least:g} and {most:g}")
    return value


def whole(request: web.Request, name: str, default: int) -> int:
    """A whole number that is not negative. Raises InvalidSpec."""
    text = request.query.get(name, "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 20):
        raise InvalidSpec(name, f"{text[:40]!a} is not a whole number", hint="Give digits only.")
    return int(text) if text else default
