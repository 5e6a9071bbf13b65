"""rename: another name for a container that stays what it is."""

import json
from dataclasses import replace
from pathlib import Path

from engine.container import state
from engine.container.runtime import Runtime
from engine.spec import checks
from engine.spec.container import ContainerState


def rename(runtime: Runtime, container_id: str, name: str) -> ContainerState:
    """Call it `name` from now on, whether it runs or not; its host name and its id stay.

    Raises InvalidSpec for what is no name. To keep names apart is the caller's business, as it is when they are given.
    """
    checks.container_name(name)
    with runtime.locked(container_id) as folder:
        record = state.load_record(folder)
        if record.name != name:
            state.save(folder, replace(record, name=name), durable=True)
            repeat_in_spec(folder, name)
        return state.load(folder)


def repeat_in_spec(folder: Path, name: str) -> None:
    """Have `spec.json` say the same name as `state.json`, which decides; a rename cut short may have left another."""
    spec = json.loads((folder / "spec.json").read_bytes())
    if spec["name"] != name:
        state.write_file(folder / "spec.json", json.dumps(spec | {"name": name}).encode(), durable=True)
