"""Files that only their owner may read, written whole or not at all. Imports no Django."""

import os
import secrets
from pathlib import Path


def create(path: Path, content: bytes) -> bool:
    """Write a new file with mode 0600; false if there is one already, which stays as it is."""
    temporary = _write_beside(path, content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True


def replace(path: Path, content: bytes) -> None:
    """Put a file with mode 0600 in the place of the one that is there."""
    os.replace(_write_beside(path, content), path)


def _write_beside(path: Path, content: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return temporary
