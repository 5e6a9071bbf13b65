"""Containers that are run by another OCI runtime of this host: which, by what command, and how it is made to forget."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from engine.container.runtime import Runtime
from engine.errors import InvalidSpec, Unsupported
from engine.launcher import other_runtime
from engine.spec.container import ContainerSpec
from engine.spec.defaults import RUNTIME

OLDER_VERSION = "1.0.2"
"""Of the OCI specification, in bundles for other runtimes: all of 1.x is compatible, but some look no further."""
_UNKNOWN = ("scheduler", "io_priority", "personality", "time_offsets", "time")


def check(spec: ContainerSpec, shares_ids_with: str) -> None:
    """Raise InvalidSpec for what another runtime could not do, or would leave out without a word."""
    if not spec.runtime:
        return
    for field in _UNKNOWN:
        if getattr(spec, field):
            raise InvalidSpec(
                field, f"{spec.runtime} may not know it: version {OLDER_VERSION} of its specification has none"
            )
    if shares_ids_with:
        raise InvalidSpec(
            "runtime", f"{spec.runtime} cannot enter the user namespace of the container it would share with"
        )


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
