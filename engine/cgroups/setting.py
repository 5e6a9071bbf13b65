"""One limit as a control file takes it."""

from collections.abc import Callable
from typing import NamedTuple

HasFile = Callable[[str], bool]
"""Whether the group has a control file of this name: some are there only with certain kernels and disk schedulers."""


class Setting(NamedTuple):
    """`value` is written to `file`; `cleared` takes the limit away again, `None` is the value of the group above.

    `entry` tells apart the lines of a file that holds one per device.
    """

    file: str
    value: str
    cleared: str | None
    entry: str = ""

    @property
    def controller(self) -> str:
        """Whose file it is."""
        return self.file.partition(".")[0]
