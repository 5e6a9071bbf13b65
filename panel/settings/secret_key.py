"""The key that signs sessions: made once by the first run, readable by the panel's user alone."""

import os
import secrets
from pathlib import Path


def read_or_invent(path: Path) -> str:
    """The key in `path`; before the first run one that lives as long as this process.

    A file that exists and cannot be read raises PermissionError: silently inventing a key would sign everybody out.
    """
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return secrets.token_urlsafe(64)


def create(path: Path) -> bool:
    """Write a new key to `path` with mode 0600; false if there is one already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(64) + "\n")
    return True
