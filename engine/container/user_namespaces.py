"""Whether this host can give containers user namespaces of their own, tried once per boot and remembered."""

import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from engine.errors import Unsupported
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


def _try(containers: Path) -> str:
    containers.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="probe-", suffix=".new", dir=containers) as folder:
        for name in ("layers/lower", "upper", "work", "rootfs"):
            Path(folder, name).mkdir(parents=True)
        command = [sys.executable, "-m", "engine.launcher.probe", folder]
        tried = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    if tried.returncode != 0:
        raise Unsupported(f"User namespaces could not be tried: {tried.stderr.strip()[-500:]}")
    return tried.stdout.strip()
