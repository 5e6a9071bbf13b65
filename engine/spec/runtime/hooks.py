"""Programs that a bundle wants run around its container's life (config.md, "POSIX-platform Hooks")."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hook:
    """A program on the host: `path` is absolute, `args` includes the name it is called by, `timeout` is in seconds."""

    path: str
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    timeout: int | None = None


@dataclass(frozen=True)
class Hooks:
    """`hooks`: each phase's programs, run one after the other in the order they are listed."""

    prestart: tuple[Hook, ...] = ()
    create_runtime: tuple[Hook, ...] = ()
    create_container: tuple[Hook, ...] = ()
    start_container: tuple[Hook, ...] = ()
    poststart: tuple[Hook, ...] = ()
    poststop: tuple[Hook, ...] = ()
