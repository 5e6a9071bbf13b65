"""The system calls of a start, as a list for `floor.c`, made from the plan that the engine itself starts by.

In the order of `engine/container/start.py`, `engine/launcher/birth.py` and `init.py`: 287 calls where a trace of the
engine shows 404. What it does beyond these is left out, which makes the floor lower:

* messages between engine, launcher, birth and shim, with the plan in them, and the shim's lock being noted;
* looking at the same record more than once, and what Python's buffered files ask the kernel at each;
* looking at a folder that is there already, before something is mounted on it;
* on a host with cgroup v2 alone, the program of the device filter.

Engine and birth work at the same time on two processors, where here one follows the other. The program writes to the
caller's standard output; the pipes are made all the same.
"""

import os
import struct
from pathlib import Path
from typing import Any

from bench.call_list import BUFFER, CLONE, READ, WRITE, Calls, Filter, Result
from engine.cgroups import devices, limits
from engine.cgroups.places import Places
from engine.launcher.messages import Birth, Plan, Process, unpack_birth
from engine.launcher.sandbox import Sandbox
from engine.spec.runtime import Resources
from engine.sys import capabilities, mount, process, spawn
from engine.sys.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS

_FOLDER = READ | os.O_DIRECTORY
_AT_NOFOLLOW = 0x100
_F_SETPIPE_SZ, _LOCK_EX = 1031, 2
_KEEP = -1  # of setresuid(2): this one stays


def calls(plan: Plan, resources: Resources, at: Places, ready: Sandbox, seccomp: Path) -> str:
    """The whole list, for the container of `plan` with groups `at`, in what stands `ready`."""
    made, birth = Calls(), unpack_birth(plan.birth)
    _engine(made, plan)
    _groups(made, at, resources)
    root = _root(made, plan, ready)
    sources = _sources(made, plan, ready)
    _pipes(made, ready.first_id)
    _enter(made, plan, ready)
    group = made.open(plan.cgroup_v2, READ) if plan.cgroup_v2 else None
    made.prctl(process.PR_SET_DUMPABLE, 0)
    flags = process.CLONE_NEWNS | process.CLONE_NEWPID | process.CLONE_PIDFD | spawn.CLONE_VM | spawn.CLONE_VFORK
    made.clone(flags | (process.CLONE_INTO_CGROUP if group else 0), group)
    _first_process(made, birth, root, sources, ready.devices)
    _program(made, birth.process, seccomp)
    return "\n".join([*made.lines, ""])


def _engine(made: Calls, plan: Plan) -> None:
    lock = made.open(f"{plan.folder}/lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    made.call("flock", lock, _LOCK_EX)
    for name in ("started.json", "exit.json", "state.json", "health.json"):
        made.read(f"{plan.folder}/{name}", may_fail=True)
    for path in (f"{plan.folder}/names.json", "/etc/hosts", "/etc/resolv.conf", f"{plan.folder}/config.json"):
        made.call("newfstatat", mount.AT_FDCWD, path, BUFFER, 0)
    made.read("/proc/sys/kernel/random/boot_id")
    made.read(f"{plan.folder}/compiled", may_fail=True)
    for path, *_ in plan.sources:
        made.call("newfstatat", mount.AT_FDCWD, path, BUFFER, _AT_NOFOLLOW)
    fresh = f"{plan.folder}/floor.json"
    made.write(f"{fresh}.new", "x" * 446, flags=WRITE | os.O_CREAT | os.O_TRUNC)
    made.call("rename", f"{fresh}.new", fresh)
    made.open(f"{plan.folder}/shim.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    made.open(f"{plan.folder}/log/lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)


def _groups(made: Calls, at: Places, resources: Resources) -> None:
    for folder in at.folders:
        made.call("mkdir", folder, 0o777)
    for (path, _), setting in limits.place(at, resources).items():
        made.write(path, setting.value)
    v1 = at.having("devices")
    if resources.devices and v1 is not None:
        for file, texts in devices._v1_writes(None, resources.devices):
            made.write(f"{v1[0]}/{file}", *texts)


def _root(made: Calls, plan: Plan, ready: Sandbox) -> Result:
    root = plan.root
    at = f"{root.folder}/rootfs"
    for folder, place in ((root.layers, root.layers), (root.folder, at)):
        fd = made.shifted(folder, ready.user)
        made.call("move_mount", fd, "", mount.AT_FDCWD, place, mount.MOVE_MOUNT_F_EMPTY_PATH)
    _owner(made, ready.first_id)
    context = made.call("fsopen", "overlay", mount.FSOPEN_CLOEXEC)
    options = [("source", "overlay"), *(("lowerdir+", layer) for layer in root.lower)]
    for key, value in (*options, ("upperdir", f"{at}/upper"), ("workdir", f"{at}/work")):
        made.call("fsconfig", context, mount.FSCONFIG_SET_STRING, key, value, 0)
    made.call("fsconfig", context, mount.FSCONFIG_CMD_CREATE, 0, 0, 0)
    fd = made.call("fsmount", context, mount.FSMOUNT_CLOEXEC, 0)
    made.close(context)
    _owner(made, 0)
    return fd


def _owner(made: Calls, effective: int) -> None:
    """Ids change in the order that the rights to change them need."""
    for name in ("setresgid", "setresuid") if effective else ("setresuid", "setresgid"):
        made.call(name, _KEEP, effective, _KEEP)
    made.prctl(process.PR_CAP_AMBIENT, process.PR_CAP_AMBIENT_CLEAR_ALL)
    _, permitted, _ = capabilities.capget()
    _capset(made, permitted, permitted, 0)


def _capset(made: Calls, effective: int, permitted: int, inheritable: int) -> None:
    sets = (effective, permitted, inheritable)
    words = [word >> shift & 0xFFFFFFFF for shift in (0, 32) for word in sets]
    made.call("capset", struct.pack("<Ii", 0x20080522, 0), struct.pack("<6I", *words))


def _sources(made: Calls, plan: Plan, ready: Sandbox) -> list[Result]:
    own = made.open("/proc/self/ns/mnt", READ)
    made.call("setns", ready.host_mounts, process.CLONE_NEWNS)
    found = []
    for path, _, is_recursive, changes, *_ in plan.sources:
        fd = made.call("open_tree", mount.AT_FDCWD, path, CLONE | (mount.AT_RECURSIVE if is_recursive else 0))
        for attr_set, _, propagation, within in changes:
            made.setattr(fd, attr_set, propagation, 0, mount.AT_RECURSIVE if within else 0)
        made.setattr(fd, mount.MOUNT_ATTR_IDMAP, 0, ready.user)
        found.append(fd)
    made.call("setns", own, process.CLONE_NEWNS)
    made.close(own)
    return found


def _pipes(made: Calls, owner: int) -> None:
    for _ in ("stdout", "stderr"):
        reader = made.call("pipe2", BUFFER, os.O_CLOEXEC)
        writer = made.number(-1, may_fail=True)  # the line that holds the second descriptor; never made
        made.call("fchown", writer, owner, owner)
        made.call("fcntl", reader, _F_SETPIPE_SZ, 1 << 20)


def _enter(made: Calls, plan: Plan, ready: Sandbox) -> None:
    made.write("/proc/self/oom_score_adj", "0")
    for flag, fd in (
        (process.CLONE_NEWUSER, ready.user),
        (process.CLONE_NEWNET, ready.net),
        (process.CLONE_NEWIPC, ready.ipc),
        (process.CLONE_NEWUTS, ready.uts),
    ):
        made.call("setns", fd, flag)
    for path in plan.memory_limits:
        made.read(path)


def _first_process(made: Calls, birth: Birth, root: Result, sources: list[Result], devices_fd: int) -> None:
    for signal in ("SIGPIPE", "SIGXFSZ"):
        made.call("rt_sigaction", {"SIGPIPE": 13, "SIGXFSZ": 25}[signal], bytes(32), 0, 8)
    for path in birth.join:
        made.write(path, "0")
    made.call("setsid")
    made.call("unshare", birth.unshare)
    made.call("mount", "", "/", "", mount.MS_REC | mount.MS_PRIVATE, "")
    old = made.open("/", _FOLDER)
    made.call("move_mount", root, "", mount.AT_FDCWD, birth.rootfs, mount.MOVE_MOUNT_F_EMPTY_PATH)
    made.call("fchdir", root)
    made.call("pivot_root", ".", ".")
    _become(made, 0, 0)
    made.call("umask", 0)
    for name, *arguments in birth.steps:
        _step(made, name, arguments, sources, devices_fd)
    made.call("umask", 0o022)
    made.call("fchdir", old)
    made.call("umount2", ".", mount.MNT_DETACH)
    made.close(old)
    made.call("chdir", "/")
    made.call("sethostname", birth.hostname, len(birth.hostname))
    made.call("dup2", made.open("/dev/null", READ), 0)


def _become(made: Calls, uid: int, gid: int) -> None:
    made.call("setgroups", 0, 0)
    made.call("setresgid", gid, gid, gid)
    made.call("setresuid", uid, uid, uid)


def _step(made: Calls, name: str, arguments: list[Any], sources: list[Result], devices_fd: int) -> None:
    match name, arguments:
        case "mkdir", [path, mode]:
            made.call("mkdir", path, mode, may_fail=True)
        case "mount", [source, target, fstype, flags, data]:
            made.call("mount", source, target, fstype, flags, data)
        case "attach_devices", []:
            made.call("mkdir", "/dev", 0o755, may_fail=True)
            made.call("move_mount", devices_fd, "", mount.AT_FDCWD, "/dev", mount.MOVE_MOUNT_F_EMPTY_PATH)
            made.call("close", devices_fd)
        case "attach", [place, target]:
            _attach(made, sources[place], target)
        case "make_cwd", [path]:
            made.close(_open_inside(made, path))
        case "mask", [path]:
            made.call("newfstatat", mount.AT_FDCWD, path, BUFFER, 0, may_fail=True)
            if os.path.isdir(path):
                made.call("mount", "tmpfs", path, "tmpfs", mount.MS_RDONLY, "size=0k")
            else:
                made.call("mount", "/dev/null", path, "", mount.MS_BIND, "", may_fail=True)
        case "read_only", [path, flags] if os.path.exists(path):
            made.call("newfstatat", mount.AT_FDCWD, path, BUFFER, 0)
            made.call("mount", path, path, "", mount.MS_BIND | mount.MS_REC, "")
            made.call("mount", "", path, "", mount.MS_BIND | mount.MS_REMOUNT | mount.MS_RDONLY | flags, "")
        case "read_only", [path, _]:
            made.call("newfstatat", mount.AT_FDCWD, path, BUFFER, 0, may_fail=True)
        case _:
            raise ValueError(f"the plainest container has a step {name} now, which the floor does not know")


def _attach(made: Calls, source: Result, target: str) -> None:
    place = _open_inside(made, target)
    flags = mount.MOVE_MOUNT_F_EMPTY_PATH | mount.MOVE_MOUNT_T_EMPTY_PATH
    made.call("move_mount", source, "", place, "", flags)
    made.close(place, source)


def _open_inside(made: Calls, path: str) -> Result:
    root = made.open("/", _FOLDER | os.O_PATH)
    how = struct.pack("<3Q", os.O_PATH | os.O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    found = made.call("openat2", root, path, how, len(how))
    made.close(root)
    return found


def _program(made: Calls, what: Process, seccomp: Path) -> None:
    for number, soft, hard in what.rlimits:
        made.call("prlimit64", 0, number, struct.pack("<2q", soft, hard), 0)
    for name, _, number, *arguments in what.settings:
        assert name == "syscall", name
        made.number(number, *(0 if item is None else item for item in arguments))
    for number in range(what.last_cap + 1):
        if not what.bounding >> number & 1:
            made.prctl(process.PR_CAPBSET_DROP, number)
    made.prctl(process.PR_SET_KEEPCAPS, 1)
    _become(made, what.uid, what.gid)
    made.prctl(process.PR_SET_KEEPCAPS, 0)
    made.prctl(process.PR_CAP_AMBIENT, process.PR_CAP_AMBIENT_CLEAR_ALL)
    _capset(made, what.effective, what.permitted, what.inheritable)
    made.prctl(process.PR_SET_DUMPABLE, 0)
    made.call("chdir", what.cwd)
    made.call("getcwd", BUFFER, 1024)
    made.prctl(process.PR_SET_NO_NEW_PRIVS, 1)
    made.call("seccomp", 1, what.filter_flags, Filter(seccomp))
    made.call("close_range", 3, 0xFFFFFFFF, 4)  # CLOSE_RANGE_CLOEXEC
    made.call("execve", what.args[0], 0, 0)  # without arguments: the program looks at none
