"""What is in every container's `/dev`, as runtime-spec's config-linux.md lists it.

Imports nothing: the launcher needs it too.
"""

NODES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
"""Character devices, mode 0666: name to (major, minor)."""

LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "core": "/proc/kcore",
    "ptmx": "pts/ptmx",
}
"""Symbolic links: name to target."""
