"""Freezes and thaws a whole group (cgroup-v2.rst "cgroup.freeze"; cgroup-v1/freezer-subsystem.rst)."""

import time

from engine.cgroups import control_files
from engine.errors import KernelError

_TIMEOUT_S = 10.0
_EBUSY = 16
_SETTINGS = {1: ("freezer.state", ("THAWED", "FROZEN")), 2: ("cgroup.freeze", ("0", "1"))}
"""By version: the file, and what stands in it for thawed and frozen."""


def freeze(folder: str, version: int) -> None:
    """Return when the whole group stands still. Raises KernelError EBUSY, with it thawed, when it does not in 10 s."""
    _set_frozen(folder, version)
    deadline, pause_s = time.monotonic() + _TIMEOUT_S, 0.0002
    while not is_frozen(folder, version):
        if time.monotonic() > deadline:
            thaw(folder, version)
            raise KernelError("freeze", _EBUSY, folder, hint="A process of it hangs in the kernel.")
        if version == 1:
            _set_frozen(folder, version)  # v1 may stick in FREEZING until it is asked again
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, 0.05)


def thaw(folder: str, version: int) -> None:
    """Let the group run on; a group that is gone, or never was frozen, is left alone."""
    file, values = _SETTINGS[version]
    control_files.write_if_there(f"{folder}/{file}", values[False])


def is_frozen(folder: str, version: int) -> bool:
    """Whether the whole group stands still by its own setting."""
    if version == 1:
        return control_files.read(f"{folder}/freezer.state").strip() == "FROZEN"
    is_asked = control_files.read(f"{folder}/cgroup.freeze").strip() == "1"
    return is_asked and control_files.read_table(f"{folder}/cgroup.events").get("frozen") == 1


def _set_frozen(folder: str, version: int) -> None:
    file, values = _SETTINGS[version]
    control_files.write(f"{folder}/{file}", values[True])
