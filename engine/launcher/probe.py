"""Whether a container can have a user namespace here, tried as a birth does it, in a process of its own.

    python -m engine.launcher.probe root FOLDER    its root lies in FOLDER: layers/lower, upper, work, rootfs
    python -m engine.launcher.probe source PATH    it is to see the owners of the files that are bound from PATH

Kernels and file systems differ too much to be judged by their names. Prints what failed, nothing if all went well.
"""

from __future__ import annotations

import os
import sys

from engine.errors import EngineError
from engine.launcher import sandbox
from engine.launcher.messages import Root
from engine.launcher.root import open_root, shift
from engine.sys import mount
from engine.sys.overlay import takes_many_layers


def try_root(folder: str) -> str:
    """What failed, empty if nothing did."""
    try:
        ready = sandbox.make()
        layers = f"{folder}/layers"
        root = Root([f"{layers}/lower"], layers, folder, takes_many_layers(), propagation=0, has_quota=False)
        made = os.fstatvfs(open_root(root, ready.user, ready.first_id))
    except (EngineError, OSError) as error:
        return str(error)
    # Overlayfs does not refuse a folder it cannot write to, but makes the mount read-only.
    return "its root would be read-only" if made.f_flag & os.ST_RDONLY else ""


def try_source(path: str) -> str:
    """What failed, empty if nothing did."""
    try:
        copy = mount.open_tree(path, mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC)
        shift(copy, sandbox.make().user, path, 0)
    except (EngineError, OSError) as error:
        return str(error)
    return ""


if __name__ == "__main__":
    print({"root": try_root, "source": try_source}[sys.argv[1]](sys.argv[2]))
