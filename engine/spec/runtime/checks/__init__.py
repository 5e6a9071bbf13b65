"""The small checks a bundle has to pass, by subject; each raises InvalidSpec naming its field as the document does.

What is checked here holds on every host; what this host cannot do is told by whoever tries to do it.
"""

import re

from engine.errors import InvalidSpec
from engine.spec import checks as container_checks
from engine.spec.runtime.checks import hooks, linux, mounts, process, resources, seccomp
from engine.spec.runtime.config import Spec

_VERSION = re.compile(r"1\.\d+\.\d+([-+].*)?")


def check(spec: Spec) -> None:
    """Raise InvalidSpec for the first field whose value no Linux host could take."""
    if not _VERSION.fullmatch(spec.oci_version):
        raise InvalidSpec("ociVersion", f"{spec.oci_version[:40]!r} is not a version 1.x.y", hint="Use 1.0.0 to 1.2.x.")
    container_checks.not_empty("root.path", spec.root.path)
    process.check("process", spec.process)
    mounts.check(spec.mounts)
    if spec.hooks is not None:
        hooks.check(spec.hooks)
    linux.check(spec)
    resources.check("linux.resources", spec.linux.resources)
    if spec.linux.seccomp is not None:
        seccomp.check("linux.seccomp", spec.linux.seccomp)
