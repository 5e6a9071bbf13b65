"""Turns the `process` of a bundle into an entry: one more program in the container of that bundle."""

import functools
import os
from pathlib import Path

from engine.cgroups import Cgroup
from engine.container.seccomp_filter import compile_filter, run
from engine.launcher.messages import Entry, Way, pack_way
from engine.launcher.messages import Process as PlanProcess
from engine.spec.runtime import Resources, Spec
from engine.sys import process as kernel
from engine.sys.syscalls import syscall_number

_NAMESPACES = {
    "cgroup": kernel.CLONE_NEWCGROUP,
    "ipc": kernel.CLONE_NEWIPC,
    "mnt": kernel.CLONE_NEWNS,
    "net": kernel.CLONE_NEWNET,
    "pid": kernel.CLONE_NEWPID,
    "time": kernel.CLONE_NEWTIME,
    "uts": kernel.CLONE_NEWUTS,
}
_BUNDLE_KINDS = {"mount": "mnt", "network": "net"}
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_ROOM_FOR_A_FORK_BYTES = 16 << 20
_PASSING = {0x7FFF0000, 0x7FFC0000}  # SECCOMP_RET_ALLOW, SECCOMP_RET_LOG


def make(
    record_folder: Path, bundle: Spec, what: PlanProcess, *, pid: int, cgroup: Cgroup, attached: list[bool]
) -> Entry:
    """The entry for the bundle's process, `what` in the kernel's numbers, into the container of first process `pid`.

    `attached` says which of standard input, output and error will be given along.
    """
    namespaces = {kind for kind in (*_NAMESPACES, "user") if _is_own(pid, kind)}
    ways_in = _ways_in(cgroup, _v2_folder(cgroup.v2_folder, pid), bundle.linux.resources)
    return _make(bundle, what, namespaces, ways_in, attached)._replace(folder=str(record_folder))


def for_bundle(bundle: Spec, what: PlanProcess, cgroup: Cgroup) -> Entry:
    """The same before the container runs, without records, its output and errors attached."""
    kinds = {_BUNDLE_KINDS.get(namespace.type, namespace.type) for namespace in bundle.linux.namespaces}
    return _make(bundle, what, kinds, _ways_in(cgroup, cgroup.v2_folder, bundle.linux.resources), [False, True, True])


def _make(
    bundle: Spec, what: PlanProcess, namespaces: set[str], ways_in: tuple[list[str], str], attached: list[bool]
) -> Entry:
    machine = os.uname().machine
    seccomp = compile_filter(bundle.linux.seccomp) if bundle.linux.seccomp else b""
    join, clone_into = ways_in
    way = Way(
        machine=machine,
        namespaces=sum(_NAMESPACES[kind] for kind in namespaces - {"user"}),
        has_user_namespace="user" in namespaces,
        join=join,
        attached=attached,
        process=what,
        seccomp=seccomp,
        drops_late=_writes(what) or not _lets_clone(seccomp, machine),
    )
    return Entry(
        folder="",
        boot=_boot_id(),
        search_path=next((entry[5:] for entry in what.env if entry.startswith("PATH=")), ""),
        cgroup_v2=clone_into,
        way=pack_way(way),
    )


@functools.cache
def _boot_id() -> str:
    return kernel.boot_id()


def _is_own(pid: int, kind: str) -> bool:
    return os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")


def _writes(what: PlanProcess) -> bool:
    return any(name == "write" for name, *_ in what.settings)


def _lets_clone(seccomp: bytes, machine: str) -> bool:
    if not seccomp:
        return True
    arch = _AUDIT_ARCH[machine]
    number = syscall_number("clone", arch)
    assert number is not None  # noqa: S101 - both have it
    return run(seccomp, number=number, arch=arch, arguments=(kernel.FORK_SISTER,)) in _PASSING


def _ways_in(cgroup: Cgroup, folder: str, resources: Resources) -> tuple[list[str], str]:
    """The files its process joins by, and the folder it is cloned into, the v2 one `folder` if there is one.

    What is cloned into a group counts there with all the memory of a fork: under a small limit it joins from inside
    instead, just before execve, though on v2 that takes the kernel some 10 ms.
    """
    limit = resources.memory.limit if resources.memory else None
    if folder and limit is not None and 0 < limit < _ROOM_FOR_A_FORK_BYTES:
        return [*cgroup.join, f"{folder}/cgroup.procs"], ""
    return list(cgroup.join), folder


def _v2_folder(folder: str, pid: int) -> str:
    """A v2 group that hands controllers on can have no process of its own: then it goes where the first one is."""
    if folder and Path(folder, "cgroup.subtree_control").read_text().strip():
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        inner = next(line for line in lines if line.startswith("0::"))
        folder += inner.partition(f"/{os.path.basename(folder)}")[2]
    return folder
