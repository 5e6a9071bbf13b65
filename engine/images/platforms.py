"""Which platforms' images this host can run, the best first."""

import functools
import os
from collections.abc import Sequence

from engine.spec.image import Platform

_RUNS = {
    "x86_64": ("amd64", "386"),
    "i686": ("386",),
    "aarch64": ("arm64",),
    "armv7l": ("arm",),
    "armv6l": ("arm",),
    "ppc64le": ("ppc64le",),
    "riscv64": ("riscv64",),
    "s390x": ("s390x",),
    "loongarch64": ("loong64",),
}
_ARM_VARIANTS = {"armv7l": ("v7", "v6", "v5"), "armv6l": ("v6", "v5")}


@functools.cache
def host_platform() -> Platform:
    """This host in the words of an image configuration."""
    machine = os.uname().machine
    return Platform(_RUNS.get(machine, (machine,))[0], "linux")


def rank(platform: Platform) -> int | None:
    """0 for what suits this host best, then 1, 2 …; None for what cannot run here.

    An empty part says nothing and fits. x86-64 levels and the variants of arm64 are not told apart.
    """
    machine = os.uname().machine
    architectures: Sequence[str] = _RUNS.get(machine, (machine,))
    if platform.os not in ("", "linux") or platform.architecture not in ("", *architectures):
        return None
    order = architectures.index(platform.architecture) if platform.architecture else 0
    variants = _ARM_VARIANTS.get(machine, ())
    if not variants or not platform.variant:
        return order
    return variants.index(platform.variant) if platform.variant in variants else None
