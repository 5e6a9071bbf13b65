"""Containers that are run by another OCI runtime of this host: which, by what command, and how it is made to forget."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from engine.container.runtime import Runtime
from engine.errors import Unsupported
from engine.launcher import other_runtime
from engine.spec.defaults import RUNTIME


def find(name: str) -> str:
    """Where the program of this name is, empty for the engine itself. Raises Unsupported where there is none."""
    if not name:
        return ""
    path = shutil.which(name)
    if path is None:
        raise Unsupported(f"This host has no OCI runtime {name}.", hint="Install it, or leave the runtime out.")
    return os.path.realpath(path)


def command(runtime: Runtime, annotations: Mapping[str, str]) -> list[str]:
    """How the runtime of a bundle with these annotations is called; empty for the engine itself.

    The program, and where it keeps its states.
    """
    path = annotations.get(RUNTIME, "")
    if not path:
        return []
    return [path, "--root", str(runtime.observed.parent / "runtimes" / os.path.basename(path))]


def forget(runtime: Runtime, folder: Path) -> None:
    """Have the container's runtime forget it, whatever was left of a run that nobody saw the end of."""
    bundle = json.loads((folder / "config.json").read_bytes())
    if words := command(runtime, bundle.get("annotations", {})):
        other_runtime.forget(words, folder.name)
