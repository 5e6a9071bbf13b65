"""How the hooks of a container stand in its plan: apart from `messages.py`, as few containers need them.

What is said there of versions is meant for these forms, too.
"""

from __future__ import annotations

import marshal

from engine.launcher.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Hook(NamedTuple):
    """A program that is run around the container's life; see `engine.spec.runtime.Hook`."""

    path: str
    args: list[str]
    env: list[str]
    timeout: int


class Hooks(NamedTuple):
    """The hooks of each phase, in their order. `state` is what each is told, but for `pid` and `status`."""

    state: dict[str, Any]
    prestart: list[Hook]
    create_runtime: list[Hook]
    create_container: list[Hook]
    start_container: list[Hook]
    poststart: list[Hook]
    poststop: list[Hook]


def pack(hooks: Hooks) -> bytes:
    """What `unpack` takes."""
    state, *phases = hooks
    return marshal.dumps((state, *([tuple(hook) for hook in phase] for phase in phases)))


def unpack(data: bytes) -> Hooks:
    """What `pack` was given."""
    state, *phases = marshal.loads(data)  # noqa: S302 - written by root on this host, see `messages.py`
    return Hooks(state, *([Hook(*fields) for fields in phase] for phase in phases))
