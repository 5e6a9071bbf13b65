"""Turns what was asked of a container's log into what its shim needs, so that the shim decides and looks up nothing.

Settings are `[driver, *arguments]`, plain values, as `engine/logs/opening.py` takes them.
"""

import json
from pathlib import Path
from typing import Any

from engine.container import log_receivers, state
from engine.logs.opening import RING
from engine.spec import log_tags
from engine.spec.container import ContainerSpec
from engine.spec.logs import LOCAL_ROTATION, LogConfig, LogDriver, LogMode, Rotation

Settings = list[Any]

_SHORT_ID = 12
_DAEMON = "moorage"
_NOTHING: Settings = ["none"]


def driver_of(spec: ContainerSpec) -> str:
    """What a container's record says of its log: the driver, empty for the usual one with its usual options."""
    return "" if spec.log == LogConfig() else spec.log.driver.value


def settings(folder: Path, record: state.Record) -> Settings:
    """Those of the next run of the container in `folder`.

    Raises Unsupported for a receiver this host has not, NotFound for a syslog server whose name nobody knows.
    """
    if not record.log_driver:
        return USUAL
    spec = _spec(folder)
    values = _values(record, spec)
    if spec.log.driver is LogDriver.JSON_FILE:
        return _in_mode(spec.log, [*_kept(spec.log, record.id), _attributes(spec, values)])
    if spec.log.driver in (LogDriver.LOCAL, LogDriver.NONE):
        return _in_mode(spec.log, _kept(spec.log, record.id))
    tag = log_tags.render(spec.log.options.get("tag", ""), values)
    receiver = log_receivers.describe(spec, values, tag)
    is_blocking = spec.log.mode is LogMode.BLOCKING
    return [spec.log.driver.value, _kept(spec.log, record.id), spec.log.max_buffer_bytes, is_blocking, *receiver]


def kept(folder: Path, record: state.Record) -> Settings:
    """Those of what is kept on this host alone, to mark an end that no shim marked."""
    if not record.log_driver:
        return USUAL
    return _kept(_spec(folder).log, record.id)


def _in_mode(config: LogConfig, driver: Settings) -> Settings:
    return driver if config.mode is LogMode.BLOCKING else [RING, config.max_buffer_bytes, driver]


def _kept(config: LogConfig, container_id: str) -> Settings:
    rotation = config.rotation()
    if rotation is None:
        return _NOTHING
    if config.driver is LogDriver.JSON_FILE:
        limit = rotation.file_bytes or 0
        return ["json-file", f"{container_id}-json.log", limit, rotation.files, rotation.compresses]
    return _local(rotation)


def _local(rotation: Rotation) -> Settings:
    return ["local", rotation.file_bytes, rotation.files, rotation.compresses]


USUAL: Settings = _local(LOCAL_ROTATION)


def _spec(folder: Path) -> ContainerSpec:
    return ContainerSpec.from_json(json.loads((folder / "spec.json").read_bytes()))


def _values(record: state.Record, spec: ContainerSpec) -> dict[str, str]:
    """What the placeholders of a tag stand for; ids are short unless they are called full."""
    image_id = record.image.removeprefix("sha256:")
    return {
        "ID": record.id[:_SHORT_ID],
        "FullID": record.id,
        "Name": record.name,
        "ImageID": image_id[:_SHORT_ID],
        "ImageFullID": record.image,
        "ImageName": spec.image,
        "DaemonName": _DAEMON,
    }


def _attributes(spec: ContainerSpec, values: dict[str, str]) -> str:
    """The `attrs` of every line of a JSON file as its text, empty for none."""
    found = log_receivers.extras(spec)
    if spec.log.options.get("tag"):
        found["tag"] = log_tags.render(spec.log.options["tag"], values)
    return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if found else ""
