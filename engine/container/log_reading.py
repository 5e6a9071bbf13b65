"""logs: a reader of what a container wrote, in the format its driver keeps it in."""

import json

from engine.container import state
from engine.container.runtime import Runtime
from engine.errors import Conflict
from engine.logs import LogReader
from engine.spec.container import ContainerSpec


def reader(runtime: Runtime, container_id: str) -> LogReader:
    """The reader. Raises NotFound, Conflict for a container of whose output nothing is kept here."""
    folder = runtime.folder(container_id)
    record = state.load_record(folder)
    if record.log_driver:
        spec = ContainerSpec.from_json(json.loads((folder / "spec.json").read_bytes()))
        if spec.log.rotation() is None:
            raise Conflict(
                f"Nothing of the output of container {record.name} is kept: its log driver is {record.log_driver}.",
                hint="Attach to it, or choose another log driver when it is created.",
            )
    return LogReader(folder / "log", record.log_driver or "local")
