"""Docker's default seccomp profile, resolved for one machine and one set of capabilities.

The profile (`seccomp-default.json`, from moby, Apache-2.0) has conditions on capabilities, architecture and kernel;
an OCI bundle has none. Rules of the conditions: moby's `profiles/seccomp`, `setupSeccomp`.
"""

import functools
import json
import os
from pathlib import Path
from typing import Any

from engine.spec import codec
from engine.spec.runtime import Seccomp, SeccompRule

GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_SCMP = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}


@functools.cache
def default_profile(bounding: frozenset[str], machine: str, release: str) -> Seccomp:
    """The default profile for a process with the capabilities `bounding` (`CAP_…`) on kernel `release` (`uname -r`)."""
    profile = _load()
    kernel = _version(release)
    rules = [rule for rule in profile["syscalls"] if _applies(rule, bounding, GO_ARCHITECTURES[machine], kernel)]
    return Seccomp(
        default_action=profile["defaultAction"],
        default_errno_ret=profile["defaultErrnoRet"],
        architectures=_architectures(profile, _SCMP[machine]),
        syscalls=tuple(codec.from_json(SeccompRule, rule, oci=True) for rule in rules),
    )


def default_profile_here(bounding: frozenset[str]) -> Seccomp:
    """`default_profile` for this machine and its running kernel."""
    uname = os.uname()
    return default_profile(bounding, uname.machine, uname.release)


@functools.cache
def _load() -> dict[str, Any]:
    profile: dict[str, Any] = json.loads(Path(__file__).with_name("seccomp-default.json").read_text())
    return profile


def _architectures(profile: dict[str, Any], native: str) -> tuple[str, ...]:
    for entry in profile["archMap"]:
        if entry["architecture"] == native:
            return (native, *(entry["subArchitectures"] or ()))
    return (native,)


def _applies(rule: dict[str, Any], bounding: frozenset[str], arch: str, kernel: tuple[int, ...]) -> bool:
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    if not bounding.issuperset(includes.get("caps", ())) or not bounding.isdisjoint(excludes.get("caps", ())):
        return False
    if includes.get("arches") and arch not in includes["arches"]:
        return False
    if arch in excludes.get("arches", ()):
        return False
    if "minKernel" in includes and kernel < _version(includes["minKernel"]):
        return False
    return not ("minKernel" in excludes and kernel >= _version(excludes["minKernel"]))


def _version(release: str) -> tuple[int, ...]:
    major, minor = release.partition("-")[0].split(".")[:2]
    return int(major), int(minor)
