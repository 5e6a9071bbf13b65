"""Where a container's first process may be held up on its way to its program: nowhere, unless somebody has more to do.

Hooks do (`hooked.py`), and the OCI command line (`engine/runtime/gate.py`), whose program waits for `start`, too.
"""

from __future__ import annotations


class Pauses:
    """The places, in the order the process comes to them. Whatever is raised there fails the birth.

    `descriptors` are those that are still needed at the last of them.
    """

    descriptors: tuple[int, ...] = ()

    def attached(self) -> None:
        """In its namespaces and groups, the root attached where the plan says; the host's root is still its own."""

    def placed(self, old_root: int) -> None:
        """In its new root, everything mounted; `old_root` is a descriptor of the host's, which goes next."""

    def ready(self) -> None:
        """About to become its program: the last place before a filter that could forbid what waiting takes."""

    def stripped(self) -> None:
        """The user it shall be, with the rights it shall have, in its working directory."""

    def filtered(self, listener: int) -> None:
        """Behind its filter; `listener` is what seccomp(2) answered, a descriptor if one was asked for."""


NONE = Pauses()
