"""A whole `config.json`, and its `root`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from engine.spec import codec
from engine.spec.runtime.hooks import Hooks
from engine.spec.runtime.linux import Linux
from engine.spec.runtime.mounts import Mount
from engine.spec.runtime.process import Process

OCI_VERSION = "1.2.0"


@dataclass(frozen=True)
class Root:
    """`root`: where the root file system is (relative to the bundle, or absolute), and whether it may be written to."""

    path: str
    readonly: bool = False


@dataclass(frozen=True)
class Spec:
    """A whole `config.json`."""

    oci_version: str
    process: Process
    root: Root
    linux: Linux = field(default_factory=Linux)
    hostname: str = ""
    domainname: str = ""
    mounts: tuple[Mount, ...] = ()
    hooks: Hooks | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read a `config.json` document; InvalidSpec names a wrong field."""
        return codec.from_json(cls, value, oci=True)

    def to_json(self) -> Any:
        """The document, keys as the specification writes them."""
        return codec.to_json(self, oci=True)
