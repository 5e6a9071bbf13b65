"""Works out beforehand all it takes to run one more program in a container: an entry that is carried out as it is."""

import functools
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from engine.container import entry, plan, process, state, users
from engine.container.runtime import Runtime
from engine.launcher.messages import Entry
from engine.rootfs import reader
from engine.rootfs.running import open_root
from engine.spec import runtime as oci
from engine.spec.container import ContainerSpec
from engine.spec.exec import ExecSpec
from engine.sys import ids


@dataclass(frozen=True)
class Target:
    """A container that runs: its folder, its control group, the run's number, its first process by pid and pidfd."""

    folder: Path
    cgroup: str
    run: int
    pid: int
    pidfd: int


@dataclass(frozen=True)
class Made:
    """An entry, and whom its program runs as in the host's numbers."""

    entry: Entry
    uid: int
    gid: int


def make(runtime: Runtime, target: Target, spec: ExecSpec, record_folder: Path) -> Made:
    """What it takes to run `spec`. Raises InvalidSpec for a user that the container does not have."""
    bundle = _parse((target.folder / "config.json").read_bytes())
    bundle = replace(bundle, process=_process(runtime, target, spec, bundle.process))
    what = plan.process_of(bundle)
    cgroup = runtime.cgroups.find(target.cgroup)
    attached = [spec.stdin, spec.stdout, spec.stderr]
    made = entry.make(record_folder, bundle, what, pid=target.pid, cgroup=cgroup, attached=attached)
    uid, gid = ids.outside("uid", what.uid, of=target.pid), ids.outside("gid", what.gid, of=target.pid)
    return Made(made, uid, gid)


@functools.lru_cache(maxsize=64)
def _parse(document: bytes) -> oci.Spec:
    """A bundle's configuration, parsed once: it stays what it is while a container runs."""
    return oci.Spec.from_json(json.loads(document))


def _process(runtime: Runtime, target: Target, spec: ExecSpec, own: oci.Process) -> oci.Process:
    """The container's own `process` with what was asked to be different."""
    user, home = own.user, ""
    if spec.user:
        root_fd = open_root(target.pidfd)
        try:
            identity = users.resolve(spec.user, lambda path: reader.read_text(root_fd, path))
        finally:
            os.close(root_fd)
        user = oci.User(identity.uid, identity.gid, additional_gids=identity.groups)
        home = identity.home
    return replace(
        own,
        args=spec.command,
        cwd=spec.cwd or own.cwd,
        user=user,
        env=_environment(runtime, target, spec, own.env, home),
        terminal=spec.terminal,
        console_size=spec.terminal_size,
        capabilities=_capabilities(spec, own, is_root=user.uid == 0),
        apparmor_profile="" if spec.privileged else own.apparmor_profile,
    )


def _environment(runtime: Runtime, target: Target, spec: ExecSpec, own: tuple[str, ...], home: str) -> tuple[str, ...]:
    """The container's, then the caller's; another user is at home elsewhere, unless somebody said where home is."""
    merged = dict(entry.split("=", 1) for entry in own)
    if home and not _says_where_home_is(runtime, target.folder):
        merged["HOME"] = home
    if spec.terminal:
        merged.setdefault("TERM", "xterm")
    merged |= dict(entry.split("=", 1) for entry in spec.env)
    return tuple(f"{name}={value}" for name, value in merged.items())


def _says_where_home_is(runtime: Runtime, folder: Path) -> bool:
    asked = ContainerSpec.from_json(json.loads((folder / "spec.json").read_bytes()))
    image = runtime.images.get(state.load_record(folder).image)
    return any(entry.startswith("HOME=") for entry in (*image.env, *asked.env))


def _capabilities(spec: ExecSpec, own: oci.Process, *, is_root: bool) -> oci.Capabilities | None:
    """The container's; a user that was asked for holds all of them as root, else only what is ambient."""
    if spec.privileged:
        everything = process.everything()
        return oci.Capabilities(bounding=everything, effective=everything, permitted=everything)
    sets = own.capabilities
    if sets is None or not spec.user:
        return sets
    held = sets.bounding if is_root else sets.ambient
    return replace(sets, effective=held, permitted=held)
