"""`python -m engine.runtime …`, begun anew from a sealed interpreter where a process is to go into a container.

That comes before the rest is loaded, which takes ten times as long as an interpreter alone.
"""

import importlib
import os
import sys
from typing import Any

from engine.errors import KernelError
from engine.sys.sealing import seal

_ENTERING = {"create", "exec", "run"}


def _begin() -> int:
    if os.geteuid() == 0 and not _ENTERING.isdisjoint(sys.argv):
        try:
            seal()
        except KernelError as error:
            sys.exit(f"{error.message} {error.hint}".rstrip())
    command_line: Any = importlib.import_module("engine.runtime.command_line")
    code: int = command_line.main()
    return code


if __name__ == "__main__":
    sys.exit(_begin())
