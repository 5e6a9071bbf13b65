"""Hooks of the panel's own containers, which CDI devices bring: what births run, and shims once a run is over."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.container import state
from engine.errors import EngineError
from engine.launcher import hook_forms, hooks
from engine.spec import runtime as oci
from engine.spec.defaults import RUNTIME

TIMEOUT_S = 30
"""How long a hook may take that says nothing about it: somebody waits for the start."""


def pack(container_id: str, folder: Path, bundle: oci.Spec) -> bytes:
    """For a plan: the hooks of the bundle in `folder`; empty where it has none, or another runtime sees to them."""
    wanted = _wanted(bundle)
    if wanted == oci.Hooks():
        return b""
    return hook_forms.pack(
        hook_forms.Hooks(
            state=_state(container_id, folder, bundle),
            prestart=_made(wanted.prestart),
            create_runtime=_made(wanted.create_runtime),
            create_container=_made(wanted.create_container),
            start_container=_made(wanted.start_container),
            poststart=_made(wanted.poststart),
            poststop=_made(wanted.poststop),
        )
    )


def longest_s(folder: Path, record: state.Record) -> int:
    """How long all hooks together may take."""
    if not record.uses_cdi:
        return 0
    wanted = _wanted(oci.Spec.from_json(json.loads((folder / "config.json").read_bytes())))
    phases = (wanted.prestart, wanted.create_runtime, wanted.create_container, wanted.start_container, wanted.poststart)
    return sum(hook.timeout for phase in (*phases, wanted.poststop) for hook in _made(phase))


def run_poststop(folder: Path, record: state.Record) -> list[str]:
    """For a run whose end no shim saw to; what went wrong, which keeps nobody from going on."""
    if not record.uses_cdi:
        return []
    bundle = oci.Spec.from_json(json.loads((folder / "config.json").read_bytes()))
    known = _state(record.id, folder, bundle) | {"pid": 0, "status": "stopped"}
    told = []
    for index, hook in enumerate(_made(_wanted(bundle).poststop)):
        try:
            hooks.run_one(f"poststop hook #{index} ({hook.path})", hook, known)
        except EngineError as error:
            told.append(error.message)
    return told


def _wanted(bundle: oci.Spec) -> oci.Hooks:
    return oci.Hooks() if RUNTIME in bundle.annotations else bundle.hooks or oci.Hooks()


def _state(container_id: str, folder: Path, bundle: oci.Spec) -> dict[str, Any]:
    known: dict[str, Any] = {"ociVersion": bundle.oci_version, "id": container_id, "bundle": str(folder)}
    return known | ({"annotations": dict(bundle.annotations)} if bundle.annotations else {})


def _made(listed: Sequence[oci.Hook]) -> list[hook_forms.Hook]:
    return [hook_forms.Hook(hook.path, list(hook.args), list(hook.env), hook.timeout or TIMEOUT_S) for hook in listed]
