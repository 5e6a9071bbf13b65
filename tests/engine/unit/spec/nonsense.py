"""Documents with something wrong in them, made from one that is right: what a caller, or an attacker, may send."""

import copy
import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from engine.spec.codec import key_of

_TEXTS = (
    *(
        "",
        " ",
        "/",
        "..",
        "/..",
        "/a/../b",
        "a/b",
        "//",
        "-",
        ":",
        "=",
        "x=",
        "a:b",
        "a:b:c",
        "0",
        "-1",
        "+1",
        " 1",
        "1_0",
    ),
    *(
        "٣",
        "\uff14",
        "1e3",
        "0x10",
        "08",
        "nan",
        "all",
        "ALL",
        "host",
        "container:",
        "container:x",
        "unconfined",
        "{}",
        "[]",
    ),
    *("\n", "a\nb", "a\0b", "\ud800", "é", "😀", "x" * 300, "/" + "x" * 5000, "a." * 200, "CAP_", "SIG", "c *:* rwm"),
    *(
        "b 1:2 m",
        "1.2.3.4",
        "::1",
        "host-gateway",
        "x:1.2.3.4",
        "%d",
        "{{.ID}}",
        "9" * 30,
        "0-3,7",
        "3-0",
        "4294967295",
    ),
    *("container:" + "ab" * 32, "/proc/self/fd/3", "\u202e", "\x7f", "\x1b[0m", '{"defaultAction": 1}', "[[[[" * 500),
)
_NUMBERS = (0, -1, 1, 2, 7, 65535, 65536, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, 10**40, -(2**63), -(10**40))
_FRACTIONS = (0.0, -0.0, 0.5, 1e-300, 1e308, float("inf"), float("-inf"), float("nan"))
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(_NUMBERS),
    st.sampled_from(_FRACTIONS),
    st.sampled_from(_TEXTS),
    st.text(st.characters(), max_size=8),
)
NONSENSE = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_TEXTS), inner, max_size=2),
    max_leaves=4,
)

Place = tuple[str | int, ...]


def places(document: Any, at: Place = ()) -> list[Place]:
    """Every place in a JSON document, the outermost first."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(document, dict):
        items = list(document.items())
    elif isinstance(document, list):
        items = list(enumerate(document))
    return [at, *(place for key, item in items for place in places(item, (*at, key)))]


def changed(document: Any, place: Place, value: Any) -> Any:
    """The document with `value` in that place."""
    if not place:
        return value
    fresh = copy.deepcopy(document)
    inner = fresh
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return fresh


@st.composite
def broken(draw: st.DrawFn, document: Any) -> Any:
    """The document with nonsense in up to three places, or a key that nobody knows."""
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places(document)))
        if draw(st.integers(0, 9)) == 0:
            place = (*place, draw(st.sampled_from(_TEXTS)))
        try:
            document = changed(document, place, draw(NONSENSE))
        except (TypeError, IndexError, KeyError):  # no object there
            continue
    return document


def names_field(kind: Any, field: str, *, oci: bool = False) -> bool:
    """Whether `field`, as InvalidSpec has it (`mounts[1].source`), is the name of a field of this dataclass."""
    return _leads_somewhere(kind, re.findall(r"[^.\[\]]+", field), oci=oci)


def _leads_somewhere(hint: Any, parts: list[str], *, oci: bool) -> bool:
    origin = typing.get_origin(hint)
    if not parts or hint is Any:
        return True
    if origin in (types.UnionType, typing.Union):
        return any(_leads_somewhere(one, parts, oci=oci) for one in typing.get_args(hint) if one is not type(None))
    if origin is tuple:
        return _leads_somewhere(typing.get_args(hint)[0], parts[parts[0].isdecimal() :], oci=oci)
    if origin is not None and issubclass(origin, Mapping):
        return True  # its keys are the caller's, and may hold anything
    if not dataclasses.is_dataclass(hint):
        return False
    hints = typing.get_type_hints(hint)
    fields = {key_of(field, oci=oci): hints[field.name] for field in dataclasses.fields(hint)}
    return parts[0] in fields and _leads_somewhere(fields[parts[0]], parts[1:], oci=oci)
