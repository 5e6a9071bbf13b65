"""Reads the bundles of others, and what runtimes are expected to add to them."""

import json
import posixpath
from dataclasses import replace
from pathlib import Path

from engine.container import seccomp_filter
from engine.errors import InvalidSpec
from engine.runtime.diary import Diary
from engine.spec import defaults
from engine.spec.runtime import Resources, Spec, checks


def read(bundle: Path, diary: Diary) -> Spec:
    """The bundle's configuration, checked, its root's path absolute. Raises InvalidSpec; warns of what is ignored."""
    try:
        value = json.loads((bundle / "config.json").read_bytes())
    except FileNotFoundError:
        raise InvalidSpec("config.json", f"is not in {bundle}", hint="Name the bundle with --bundle.") from None
    except ValueError as error:
        raise InvalidSpec("config.json", f"is not a JSON document: {error}") from None
    spec = Spec.from_json(value)
    checks.check(spec)
    if spec.linux.seccomp is not None:
        seccomp_filter.check("linux.seccomp", spec.linux.seccomp)
    root = bundle / spec.root.path
    if not root.is_dir():
        raise InvalidSpec("root.path", f"there is no folder {root}")
    if not any(namespace.type == "mount" and not namespace.path for namespace in spec.linux.namespaces):
        raise InvalidSpec("linux.namespaces", "a mount namespace of the container's own is required")
    if spec.linux.mount_label and not Path("/sys/fs/selinux").is_dir():
        diary.warning("linux.mountLabel is ignored: this kernel has no SELinux")
    return replace(spec, root=replace(spec.root, path=str(root.resolve())))


def groups_path(spec: Spec, container_id: str, parent: str) -> str:
    """Where its groups are in each hierarchy, relative paths below `parent`. Raises InvalidSpec for the root itself."""
    path = posixpath.normpath(posixpath.join("/", parent, spec.linux.cgroups_path or container_id))
    if path == "/":
        raise InvalidSpec("linux.cgroupsPath", "is the root of all groups")
    return path


def with_usual_devices(resources: Resources) -> Resources:
    """Rules of a bundle are followed by those for the nodes that every container has, as other runtimes do it.

    As they do, -1 is taken for every number.
    """
    if not resources.devices:
        return resources
    rules = [replace(rule, major=_number(rule.major), minor=_number(rule.minor)) for rule in resources.devices]
    return replace(resources, devices=(*rules, *defaults.DEVICE_RULES[1:]))


def _number(number: int | None) -> int | None:
    return None if number == -1 else number
