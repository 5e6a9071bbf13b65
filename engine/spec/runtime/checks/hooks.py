"""Checks of `hooks`."""

from dataclasses import fields

from engine.errors import InvalidSpec
from engine.spec import codec
from engine.spec.runtime.hooks import Hook, Hooks


def check(hooks: Hooks) -> None:
    """Every hook of every phase."""
    for phase in fields(hooks):
        listed: tuple[Hook, ...] = getattr(hooks, phase.name)
        for index, hook in enumerate(listed):
            _hook(f"hooks.{codec.key_of(phase, oci=True)}[{index}]", hook)


def _hook(where: str, hook: Hook) -> None:
    if not hook.path.startswith("/"):
        raise InvalidSpec(f"{where}.path", f"{hook.path[:80]!r} must be an absolute path")
    if hook.timeout is not None and hook.timeout <= 0:
        raise InvalidSpec(f"{where}.timeout", f"{hook.timeout} must be more than 0")
