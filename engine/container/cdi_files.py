"""Finds the devices that this host's CDI files describe (`engine/spec/cdi.py`)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import InvalidSpec
from engine.spec import cdi

DIRECTORIES: Sequence[Path] = (Path("/etc/cdi"), Path("/var/run/cdi"))
"""Where to look; what a later one says of a device counts."""


@dataclass(frozen=True)
class Described:
    """A device, and the file that describes it."""

    path: Path
    file: cdi.CdiFile
    device: cdi.CdiDevice


@dataclass
class Catalog:
    """`devices` by full name; `conflicts` are files of one directory that describe the same; `broken` say why."""

    devices: dict[str, Described] = field(default_factory=dict)
    conflicts: dict[str, list[Path]] = field(default_factory=dict)
    broken: dict[Path, str] = field(default_factory=dict)

    def find(self, name: str, where: str) -> Described:
        """The device of this name, `vendor/class=name`. Raises InvalidSpec naming the field `where`."""
        if name in self.conflicts:
            both = " and ".join(str(path) for path in self.conflicts[name])
            raise InvalidSpec(where, f"{both} both describe the CDI device {name}", hint="Remove one of them.")
        if name not in self.devices:
            places = " or ".join(str(path) for path in DIRECTORIES)
            unread = "; ".join(f"{path} cannot be used: {why}" for path, why in self.broken.items())
            raise InvalidSpec(where, f"no file in {places} describes a CDI device {name}", hint=unread)
        return self.devices[name]


def read() -> Catalog:
    """What the files say now; one that cannot be used keeps nobody from the devices of the others."""
    found = Catalog()
    for directory in DIRECTORIES:
        here: dict[str, list[Described]] = {}
        for path in sorted(directory.glob("*")) if directory.is_dir() else ():
            if path.suffix in (".json", ".yaml", ".yml"):
                _read_file(path, here, found)
        for name, described in here.items():
            found.conflicts.pop(name, None)
            found.devices[name] = described[0]
            if len(described) > 1:
                found.conflicts[name] = [one.path for one in described]
    return found


def _read_file(path: Path, here: dict[str, list[Described]], found: Catalog) -> None:
    try:
        file = cdi.parse(_document(path))
    except (OSError, ValueError, InvalidSpec) as error:
        found.broken[path] = " ".join(str(error).split())
        return
    for device in file.devices:
        here.setdefault(f"{file.kind}={device.name}", []).append(Described(path, file, device))


def _document(path: Path) -> object:
    """Raises OSError, ValueError."""
    text = path.read_text()
    if path.suffix == ".json":
        return json.loads(text)
    import yaml  # noqa: PLC0415 - takes a while, and few hosts have such files

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
