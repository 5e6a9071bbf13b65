"""`python -m engine.launcher.probe FOLDER`: whether a container whose root lies in FOLDER can have a user namespace.

Tries what a birth does, in a process of its own: kernels and file systems differ too much to be judged by their names.
FOLDER has to hold `layers/lower`, `upper`, `work` and `rootfs`. Prints what failed, nothing if all went well.
"""

from __future__ import annotations

import os
import sys

from engine.errors import EngineError
from engine.launcher import sandbox
from engine.launcher.messages import Root
from engine.launcher.root import open_root
from engine.sys.overlay import takes_many_layers


def main(folder: str) -> str:
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


if __name__ == "__main__":
    print(main(sys.argv[1]))
