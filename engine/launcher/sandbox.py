"""Namespaces made while nobody waits for them: nearly every container wants these, and they take the kernel a while.

A helper makes them and ends; what keeps them is their descriptors. The namespaces belong to a user namespace with a
range of ids of its own, so a process in them is root there and nobody outside.
"""

from __future__ import annotations

import os
import sys

from engine.errors import KernelError
from engine.launcher import id_maps, ids, program
from engine.launcher.named import NamedTuple
from engine.spec import default_devices, default_sysctls
from engine.sys import mount, netlink, network, process, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    Settings = Mapping[str, str]

NO_SETTINGS: Settings = {}
_EARLY = {"net": process.CLONE_NEWNET, "ipc": process.CLONE_NEWIPC, "uts": process.CLONE_NEWUTS}
_S_IFCHR = 0o020000
_DEV_OPTIONS = (("source", "tmpfs"), ("mode", "755"), ("size", "65536k"))
_FOLDERS = {"pts": 0o755, "shm": 0o1777, "mqueue": 0o1777}  # something is mounted on each


class Sandbox(NamedTuple):
    """Descriptors of what stands ready. `first_id` is the host's id of root inside, `lock` holds its range of ids.

    `host_mounts` is the mount namespace of the host; this process has one of its own. `devices` is a detached `/dev`,
    `route` a socket to the kernel (rtnetlink(7)) in the network `net`.
    """

    first_id: int
    lock: int
    host_mounts: int
    devices: int
    user: int
    net: int
    ipc: int
    uts: int
    route: int


def make() -> Sandbox:
    """`make_for` a range of ids that nobody else has. Raises KernelError, OSError."""
    first_id, lock = ids.take()
    mapping = b"0 %d %d" % (first_id, ids.COUNT)
    return make_for(first_id, lock, mapping, mapping, default_sysctls.OF_OWN_IDS)


def for_user_namespace(ready: Sandbox, user: int, first_id: int) -> Sandbox:
    """The same, but for another user namespace than the one that was made with it; that one's range stays locked."""
    return ready._replace(user=user, first_id=first_id, devices=_make_devices(first_id))


def make_for(first_id: int, lock: int, uid_map: bytes, gid_map: bytes, settings: Settings = NO_SETTINGS) -> Sandbox:
    """Make it all, and give this process mounts of its own that follow the host's.

    The maps are what is written to the files of these names (user_namespaces(7)), `settings` are set in the network.
    Raises KernelError, OSError.
    """
    host_mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    process.unshare(process.CLONE_NEWNS)
    mount.mount("", "/", "", mount.MS_REC | mount.MS_SLAVE, "")
    return Sandbox(first_id, lock, host_mounts, _make_devices(first_id), *_make_namespaces(uid_map, gid_map, settings))


def _make_namespaces(uid_map: bytes, gid_map: bytes, settings: Settings) -> list[int]:
    user = id_maps.user_namespace(uid_map, gid_map)
    others = [os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC) for _ in (*_EARLY, "route")]
    if spawn.is_sound:
        helper, pidfd = spawn.spawn(process.CLONE_FILES, lambda: _make_others(user, others, settings))
    else:
        helper, pidfd = process.clone(process.CLONE_FILES)
        if helper == 0:
            _make_others(user, others, settings)
    os.close(pidfd)
    if os.waitpid(helper, 0)[1]:
        raise OSError(0, "the helper that makes namespaces failed")
    return [user, *others]


def _set(settings: Settings) -> None:
    """Nobody asked for these: where a host, itself a container perhaps, has its /proc/sys read-only they stay unset."""
    for name, value in settings.items():
        try:
            program.write(f"/proc/sys/{name.replace('.', '/')}", value.encode())
        except (OSError, KernelError):
            return


def _make_others(user: int, others: list[int], settings: Settings) -> NoReturn:
    """The life of a helper that makes what belongs to the user namespace, and leaves it behind the descriptors.

    It has these in common with its maker.
    """
    status = 1
    try:
        process.setns(user, process.CLONE_NEWUSER)
        process.become_root()  # what the namespaces hold from the start is to belong to somebody inside
        process.unshare(sum(_EARLY.values()))
        network.loopback_up()
        _set(settings)
        made = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in _EARLY]
        made.append(netlink.open_socket().detach())
        for there, fd in zip(made, others, strict=True):
            os.dup2(there, fd, inheritable=False)
            os.close(there)
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _make_devices(first_id: int) -> int:
    """A `/dev` whose files belong to root inside. Nodes cannot be made there: only here, by root of the host."""
    context = mount.fsopen("tmpfs")
    for key, value in (*_DEV_OPTIONS, ("uid", str(first_id)), ("gid", str(first_id))):
        mount.fsconfig_set_string(context, key, value)
    mount.fsconfig_create(context)
    folder = mount.fsmount(context, mount.MOUNT_ATTR_NOSUID | mount.MOUNT_ATTR_STRICTATIME)
    os.close(context)
    old = os.umask(0)
    for name, (major, minor) in default_devices.NODES.items():
        _make_node(folder, name, _S_IFCHR | 0o666, os.makedev(major, minor), first_id, first_id)
    for name, target in default_devices.LINKS.items():
        os.symlink(target, name, dir_fd=folder)
        os.chown(name, first_id, first_id, dir_fd=folder, follow_symlinks=False)
    for name, mode in _FOLDERS.items():
        os.mkdir(name, mode, dir_fd=folder)
        os.chown(name, first_id, first_id, dir_fd=folder)
    os.umask(old)
    return folder


def _make_node(folder: int, name: str, mode: int, number: int, uid: int, gid: int) -> None:
    os.mknod(name, mode, number, dir_fd=folder)
    os.chown(name, uid, gid, dir_fd=folder, follow_symlinks=False)


def add_device(sandbox: Sandbox, path: str, mode: int, number: int, uid: int, gid: int) -> None:
    """Make one more node in the `/dev` that stands ready, `path` relative to it, owned by these ids as seen inside.

    It takes the place of a usual one of its name. Raises KernelError.
    """
    old = os.umask(0)
    try:
        *folders, name = path.split("/")
        at = ""
        for part in folders:
            at += f"{part}/"
            _make_folder(sandbox.devices, at)
        if name in default_devices.NODES and not folders:
            os.unlink(name, dir_fd=sandbox.devices)
        _make_node(sandbox.devices, path, mode, number, sandbox.first_id + uid, sandbox.first_id + gid)
    except FileExistsError:
        return  # the same device under a name that is there by itself
    except OSError as error:
        raise KernelError("mknod", error.errno or 0, f"/dev/{path}") from None
    finally:
        os.umask(old)


def _make_folder(devices_fd: int, path: str) -> None:
    try:
        os.mkdir(path, 0o755, dir_fd=devices_fd)
    except FileExistsError:
        return
