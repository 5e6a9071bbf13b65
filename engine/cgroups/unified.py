"""Control files of cgroup v2 that a bundle names itself (runtime-spec config-linux.md, "Unified")."""

from engine.cgroups.setting import Setting
from engine.errors import InvalidSpec, Unsupported
from engine.spec.runtime import Resources

_CLEARED = {"max": "max", "high": "max", "min": "0", "low": "0", "weight": "100", "idle": "0", "burst": "0"}
"""What clears a file, by the last word of its name."""


def v2(resources: Resources, controllers: tuple[str, ...]) -> list[Setting]:
    """Settings, one per line. Raises InvalidSpec for what is no file's name, Unsupported for a controller not there."""
    found = []
    for file, text in resources.unified.items():
        controller, _, last = file.partition(".")
        if not last or "/" in file:
            raise InvalidSpec(f"linux.resources.unified.{file}", "is not a control file of cgroup v2")
        if controller not in (*controllers, "cgroup"):
            raise Unsupported(f"This host has no cgroup v2 controller {controller}, so {file} cannot be set.")
        lines = text.splitlines() or [""]
        for line in lines:
            entry = line.split(" ", 1)[0] if len(lines) > 1 else ""
            found.append(Setting(file, line, _CLEARED.get(last.rpartition(".")[2]), entry))
    return found
