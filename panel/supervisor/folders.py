"""The user the panel runs as, and the folders of one host with the owners each process needs."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from panel.environment import Environment

USER: Final = "moorage"


@dataclass(frozen=True)
class Folder:
    """A folder of a host. Root's folders are closed to the panel's user unless `mode` opens them."""

    path: Path
    mode: int
    is_root: bool


def folders(environment: Environment) -> list[Folder]:
    """Every folder that must exist before the first process starts, parents first."""
    home, run = environment.home, environment.run
    return [
        Folder(home, 0o755, is_root=True),
        Folder(home / "containers", 0o700, is_root=True),
        Folder(home / "images", 0o700, is_root=True),
        Folder(home / "operations", 0o700, is_root=True),
        Folder(home / "panel", 0o700, is_root=False),
        Folder(home / "redis", 0o700, is_root=False),
        Folder(home / "registry", 0o700, is_root=False),
        Folder(run, 0o755, is_root=True),
        Folder(run / "supervisor", 0o700, is_root=True),
        Folder(run / "redis", 0o700, is_root=False),
    ]


def prepare_folders(environment: Environment) -> None:
    """Make the folders that are missing and give each its owner and mode. Needs root."""
    account = pwd.getpwnam(USER)
    for folder in folders(environment):
        folder.path.mkdir(parents=True, exist_ok=True)
        os.chmod(folder.path, folder.mode)
        owner = (0, 0) if folder.is_root else (account.pw_uid, account.pw_gid)
        os.chown(folder.path, *owner)


def ensure_user() -> None:
    """Create the system user the panel runs as, with a group of the same name, if this machine has none yet."""
    try:
        pwd.getpwnam(USER)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        subprocess.run([*command, "--shell", "/usr/sbin/nologin", USER], check=True)
