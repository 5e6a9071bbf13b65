"""Containers that are run by another OCI runtime of this host: which, by what command, and how it is made to forget."""

import json
import os
import shutil
from pathlib import Path

from engine.container.runtime import Runtime
from engine.errors import Unsupported
from engine.launcher import other_runtime
from engine.spec.defaults import RUNTIME
from engine.spec.runtime import Spec


def find(name: str) -> str:
    """Where the program of this name is, empty for the engine itself. Raises Unsupported where there is none."""
    if not name:
        return ""
    path = shutil.which(name)
    if path is None:
        raise Unsupported(f"This host has no OCI runtime {name}.", hint="Install it, or leave the runtime out.")
    return os.path.realpath(path)


def command(runtime: Runtime, bundle: Spec) -> list[str]:
    """How its runtime is called: the program, and where that keeps its states; empty for the engine itself."""
    path = bundle.annotations.get(RUNTIME, "")
    if not path:
        return []
    return [path, "--root", str(runtime.observed.parent / "runtimes" / os.path.basename(path))]


def forget(runtime: Runtime, folder: Path) -> None:
    """Have the container's runtime forget it, whatever was left of a run that nobody saw the end of."""
    bundle = Spec.from_json(json.loads((folder / "config.json").read_bytes()))
    if words := command(runtime, bundle):
        other_runtime.forget(words, folder.name)
