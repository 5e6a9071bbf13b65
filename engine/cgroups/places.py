"""Where a group is: its folder in each hierarchy of the host, and which of them has a controller."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from engine.cgroups.hierarchies import Hierarchy
from engine.errors import InvalidSpec


@dataclass(frozen=True)
class Places:
    """The group at the absolute `path` below the root of each hierarchy, whether it exists or not."""

    hierarchies: Sequence[Hierarchy]
    path: str

    @classmethod
    def of(cls, hierarchies: Sequence[Hierarchy], parent: str, path: str) -> Self:
        """`path` is absolute, or relative to `parent`. Raises InvalidSpec for no group's path, or the root's."""
        if ".." in path.split("/") or not path.strip("/"):
            raise InvalidSpec("linux.cgroupsPath", f"{path!r} is not the path of a control group")
        return cls(hierarchies, os.path.normpath(path if path.startswith("/") else f"/{parent}/{path}"))

    def folder(self, hierarchy: Hierarchy) -> str:
        """Its folder in this hierarchy."""
        return f"{hierarchy.root}{self.path}"

    def having(self, controller: str) -> tuple[str, int] | None:
        """Its folder in the hierarchy that carries the controller, and that hierarchy's version."""
        for hierarchy in self.hierarchies:
            if controller in hierarchy.controllers:
                return self.folder(hierarchy), hierarchy.version
        return None

    @property
    def v1(self) -> tuple[str, ...]:
        """Its folders in hierarchies of v1."""
        return tuple(self.folder(hierarchy) for hierarchy in self.hierarchies if hierarchy.version == 1)

    @property
    def v2(self) -> str:
        """Its folder in the hierarchy of v2, empty on a host that has none."""
        return next((self.folder(hierarchy) for hierarchy in self.hierarchies if hierarchy.version == 2), "")

    @property
    def folders(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.v1, self.v2) if self.v2 else self.v1

    @property
    def freezer(self) -> tuple[str, int] | None:
        """The folder that freezes the group, and its version."""
        return (self.v2, 2) if self.v2 else self.having("freezer")
