"""Seccomp profiles as Docker's users write them, resolved for one machine and one set of capabilities.

A profile has conditions on capabilities, architecture and kernel; an OCI bundle has none. Rules of the conditions:
moby's `profiles/seccomp`, `setupSeccomp`. The default one (`seccomp-default.json`) is moby's, Apache-2.0.
"""

import functools
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import InvalidSpec
from engine.spec import codec
from engine.spec.runtime import Seccomp, SeccompArgument, SeccompRule
from engine.spec.runtime.checks import seccomp as checks

UNCONFINED = "unconfined"
GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_SCMP = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}
_VERSION = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True)
class Conditions:
    """When a rule counts: `caps` all held (or none, where it excludes), one of the `arches` (Go's names), a kernel."""

    caps: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()
    min_kernel: str = ""


@dataclass(frozen=True)
class ProfileRule:
    """`syscalls[]` of a profile; `name` is an older way to write one of `names`."""

    action: str
    names: tuple[str, ...] = ()
    name: str = ""
    errno_ret: int | None = None
    args: tuple[SeccompArgument, ...] = ()
    comment: str = ""
    includes: Conditions = field(default_factory=Conditions)
    excludes: Conditions = field(default_factory=Conditions)


@dataclass(frozen=True)
class ArchitectureMap:
    """`archMap[]`: architectures whose calls are filtered too on machines of `architecture`."""

    architecture: str
    sub_architectures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Profile:
    """A whole profile document."""

    default_action: str
    default_errno_ret: int | None = None
    architectures: tuple[str, ...] = ()
    arch_map: tuple[ArchitectureMap, ...] = ()
    flags: tuple[str, ...] = ()
    listener_path: str = ""
    listener_metadata: str = ""
    syscalls: tuple[ProfileRule, ...] = ()


def check(text: str) -> None:
    """Raise InvalidSpec for what is neither empty, `unconfined` nor the text of a profile."""
    if text in ("", UNCONFINED):
        return
    profile = _parse(text)
    for index, rule in enumerate(profile.syscalls):
        where = f"seccomp.syscalls[{index}]"
        if bool(rule.name) == bool(rule.names):
            raise InvalidSpec(f"{where}.names", "a rule has names, or a single name, and not both")
        for field_, conditions in (("includes", rule.includes), ("excludes", rule.excludes)):
            if conditions.min_kernel and not _VERSION.fullmatch(conditions.min_kernel):
                raise InvalidSpec(f"{where}.{field_}.minKernel", f"{conditions.min_kernel[:40]!r} is not like 4.8")
    if profile.architectures and profile.arch_map:
        raise InvalidSpec("seccomp.archMap", "a profile has architectures, or an archMap, and not both")
    checks.check("seccomp", _section(profile, profile.syscalls, profile.architectures))
    if profile.listener_path or any(rule.action == "SCMP_ACT_NOTIFY" for rule in profile.syscalls):
        raise InvalidSpec("seccomp.listenerPath", "nobody listens for a container's calls here")


def profile_for(text: str, bounding: frozenset[str], machine: str, release: str) -> Seccomp | None:
    """What `text` (see `check`) means for a process with the capabilities `bounding` (`CAP_…`) on this kernel."""
    if text == UNCONFINED:
        return None
    return _resolve(_parse(text) if text else _default(), bounding, machine, release)


def default_profile(bounding: frozenset[str], machine: str, release: str) -> Seccomp:
    """The default profile for a process with the capabilities `bounding` (`CAP_…`) on kernel `release` (`uname -r`)."""
    return _resolve(_default(), bounding, machine, release)


def profile_here(text: str, bounding: frozenset[str]) -> Seccomp | None:
    """`profile_for` this machine and its running kernel."""
    uname = os.uname()
    return profile_for(text, bounding, uname.machine, uname.release)


@functools.cache
def _default() -> Profile:
    return _parse(Path(__file__).with_name("seccomp-default.json").read_text())


@functools.lru_cache(maxsize=16)
def _parse(text: str) -> Profile:
    try:
        value: Any = json.loads(text)
    except ValueError as error:
        raise InvalidSpec("seccomp", f"is not a JSON document: {error}", hint="Give the profile's text.") from None
    return codec.from_json(Profile, value, oci=True, is_strict=True, where="seccomp")


@functools.lru_cache(maxsize=64)
def _resolve(profile: Profile, bounding: frozenset[str], machine: str, release: str) -> Seccomp:
    kernel = _version(release)
    rules = tuple(rule for rule in profile.syscalls if _applies(rule, bounding, GO_ARCHITECTURES[machine], kernel))
    return _section(profile, rules, _architectures(profile, _SCMP[machine]))


def _section(profile: Profile, rules: tuple[ProfileRule, ...], architectures: tuple[str, ...]) -> Seccomp:
    return Seccomp(
        default_action=profile.default_action,
        default_errno_ret=profile.default_errno_ret,
        architectures=architectures,
        flags=profile.flags,
        listener_path=profile.listener_path,
        listener_metadata=profile.listener_metadata,
        syscalls=tuple(
            SeccompRule(rule.names or (rule.name,), rule.action, rule.errno_ret, rule.args) for rule in rules
        ),
    )


def _architectures(profile: Profile, native: str) -> tuple[str, ...]:
    for entry in profile.arch_map:
        if entry.architecture == native:
            return (native, *entry.sub_architectures)
    return profile.architectures or (native,)


def _applies(rule: ProfileRule, bounding: frozenset[str], arch: str, kernel: tuple[int, int]) -> bool:
    includes, excludes = rule.includes, rule.excludes
    if not bounding.issuperset(includes.caps) or not bounding.isdisjoint(excludes.caps):
        return False
    if (includes.arches and arch not in includes.arches) or arch in excludes.arches:
        return False
    if includes.min_kernel and kernel < _version(includes.min_kernel):
        return False
    return not (excludes.min_kernel and kernel >= _version(excludes.min_kernel))


def _version(release: str) -> tuple[int, int]:
    match = _VERSION.match(release)
    return (int(match[1]), int(match[2])) if match else (0, 0)
