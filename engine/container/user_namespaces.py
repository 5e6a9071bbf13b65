"""Whether this host can give containers user namespaces of their own, tried once per boot and remembered."""

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from engine.container.users import Identity
from engine.errors import InvalidSpec, Unsupported
from engine.launcher import ids
from engine.sys.process import boot_id

_TIMEOUT_S = 30.0


@functools.cache
def why_not(containers: Path, run: Path) -> str:
    """What keeps containers in the folder `containers` from having one, empty if nothing does; kept in `run`."""
    remembered = run / "user-namespaces.json"
    boot = boot_id()
    try:
        told = json.loads(remembered.read_bytes())
    except (FileNotFoundError, json.JSONDecodeError):
        told = {}
    if told.get("boot") != boot or told.get("folder") != str(containers):
        told = {"boot": boot, "folder": str(containers), "why_not": _try(containers)}
        run.mkdir(parents=True, exist_ok=True)
        remembered.write_text(json.dumps(told))
    return str(told["why_not"])


def why_not_bound(path: str) -> str:
    """What keeps a container from seeing the owners of the files bound from `path`, empty if nothing does."""
    return _why_not_bound(os.stat(path).st_dev, path)


@functools.lru_cache(maxsize=64)
def _why_not_bound(_device: int, path: str) -> str:
    return _probe("source", path)


def check_files(largest_id: int) -> list[str]:
    """Warnings about an image of which something belongs to `largest_id`."""
    if largest_id < ids.COUNT:
        return []
    last = ids.COUNT - 1
    told = f"The image has files of user or group {largest_id}, beyond {last}, the last id of a user namespace"
    return [f"{told}: in this container they are nobody's. With userns=host they would be seen as they are."]


def check_user(identity: Identity) -> None:
    """Raise InvalidSpec for somebody who is in no user namespace of ours."""
    for field, found in (("user", (identity.uid, identity.gid)), ("groups", identity.groups)):
        for number in found:
            if number >= ids.COUNT:
                raise InvalidSpec(
                    field,
                    f"{number} is beyond {ids.COUNT - 1}, the last id of the container's user namespace",
                    hint="Use userns=host, or another user.",
                )


def _try(containers: Path) -> str:
    containers.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="probe-", suffix=".new", dir=containers) as folder:
        for name in ("layers/lower", "upper", "work", "rootfs"):
            Path(folder, name).mkdir(parents=True)
        return _probe("root", folder)


def _probe(what: str, path: str) -> str:
    command = [sys.executable, "-m", "engine.launcher.probe", what, path]
    tried = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    if tried.returncode != 0:
        raise Unsupported(f"User namespaces could not be tried: {tried.stderr.strip()[-500:]}")
    return tried.stdout.strip()
