"""The ways out of a container that are known, tried from inside: by the engine's own files, by mounts, by devices."""

import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import CommandNotFound, EngineError
from tests.engine.root.container.conftest import ALL_RIGHTS, HOST_IDS, OWN_IDS
from tests.services.host import Host

# Opened for writing, and no more than that.
KERNEL_FILES = (
    "/proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/kernel/sysrq /proc/sys/vm/drop_caches"
    " /proc/sys/vm/overcommit_memory /proc/sys/fs/binfmt_misc/register /proc/sysrq-trigger"
    " /proc/irq/default_smp_affinity /sys/kernel/uevent_helper /sys/kernel/mm/transparent_hugepage/enabled"
    " /sys/power/state /sys/fs/cgroup/release_agent /sys/fs/cgroup/memory/release_agent"
)
OPEN = f"for at in '' /tmp/bound /tmp/again; do for file in {KERNEL_FILES}; do"
OPEN += " [ -e $at$file ] && (: >> $at$file) 2>/dev/null && echo opened $at$file; done; done"
UNCOVER = (
    "mkdir -p /tmp/bound /tmp/again/proc /tmp/again/sys;"
    "for at in /proc /proc/sys /proc/sysrq-trigger /proc/irq /sys /sys/fs/cgroup; do"
    " mount -o remount,rw $at; mount -o remount,bind,rw $at; done;"
    "for at in /proc/sys /proc/irq /proc/sysrq-trigger /proc/keys /proc/interrupts /sys/firmware; do umount $at; done;"
    "mount --rbind / /tmp/bound; mount -t proc proc /tmp/again/proc; mount -t sysfs sys /tmp/again/sys;"
)
ALL = pytest.mark.parametrize("rights", [OWN_IDS, HOST_IDS, ALL_RIGHTS], ids=["own-ids", "host-ids", "all-rights"])


@pytest.mark.v2
@ALL
def test_an_image_that_runs_the_engines_own_program_cannot_change_it(attacked: Host, rights: dict[str, Any]) -> None:
    """As CVE-2019-5736 did: `/proc/self/exe` is the engine until the container's program takes its place."""
    before = Path(sys.executable).stat()
    for program in ("/proc/self/exe", "engine", "engine-link"):
        state, _ = attacked.finish(program, **rights)
        assert errno.errorcode[state.exit_code or 0] in ("EPERM", "EROFS")
    assert Path(sys.executable).stat().st_ctime_ns == before.st_ctime_ns


def test_no_descriptor_of_the_engines_is_a_way_to_a_program_of_the_hosts(attacked: Host) -> None:
    """As CVE-2024-21626 did, but by the program's name."""
    for fd in range(3, 24):
        with pytest.raises(CommandNotFound):
            attacked.start(f"/proc/self/fd/{fd}/../../../../../../../bin/busybox", "true", **HOST_IDS)


@pytest.mark.parametrize("rights", [OWN_IDS, HOST_IDS], ids=["own-ids", "host-ids"])
def test_no_folder_of_the_hosts_is_made_for_a_working_directory(
    attacked: Host, rights: dict[str, Any], tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    for fd in range(3, 24):
        with pytest.raises(EngineError, match="/proc/"):
            attacked.start("true", cwd=f"/proc/self/fd/{fd}/../../../../../../..{tmp_path}/made", **rights)
    assert os.listdir(tmp_path) == []


def test_nothing_an_image_holds_is_taken_for_a_module_of_the_engines(attacked: Host) -> None:
    """As CVE-2019-14271 did with a library: the engine works inside the root, where its own paths lead elsewhere."""
    makes_mark = "import os\nos.close(os.open('/mark', os.O_CREAT, 0o600))\n"
    folders = [Path(entry) for entry in sys.path if os.path.isdir(entry)]
    planted = {folder / f"{name}.py" for folder in folders for name in sys.stdlib_module_names}
    planted |= {file for name in ("engine", "encodings") for file in Path(sys.modules[name].__path__[0]).rglob("*.py")}
    container = attacked.create("nosuch", tty=True, cwd="/new", **HOST_IDS)
    upper = attacked.home / "containers" / container / "upper"
    for file in planted:
        inside = upper / str(file).lstrip("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.write_text(makes_mark)
    with pytest.raises(CommandNotFound):
        attacked.engine.start(container)
    attacked.engine.stat_path(container, "/new/../etc/hosts")
    for data in attacked.engine.copy_out(container, "/etc/hosts")[1]:
        assert data
    assert (upper / "new").is_dir()
    assert not (upper / "mark").exists()


@ALL
def test_no_setting_of_the_kernels_can_be_written_to(attacked: Host, rights: dict[str, Any]) -> None:
    _, output = attacked.finish("sh", "-c", f"({UNCOVER}) 2>/dev/null; {OPEN}; echo tried", **rights)
    assert output == "tried\n"


@pytest.mark.v2
@pytest.mark.parametrize("rights", [OWN_IDS, HOST_IDS], ids=["own-ids", "host-ids"])
def test_a_user_namespace_within_uncovers_nothing(attacked: Host, rights: dict[str, Any]) -> None:
    """There a process may mount what it likes, but not change what was mounted around it."""
    covered = "cat /proc/keys /proc/interrupts /proc/timer_list /tmp/again/proc/keys 2>/dev/null; ls /sys/firmware"
    script = f"({UNCOVER}) 2>/dev/null; {OPEN}; {covered}; echo tried; grep -c . /proc/self/uid_map"
    inner = ("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "sh", "-c", script)
    _, output = attacked.finish(*inner, seccomp="unconfined", apparmor="unconfined", **rights)
    assert output == "tried\n1\n"


@ALL
def test_a_control_group_cannot_be_made_to_run_a_program_or_to_allow_more(
    attacked: Host, rights: dict[str, Any]
) -> None:
    """As CVE-2022-0492 did: `release_agent` names a program that the kernel runs as root of the host."""
    script = (
        "mkdir /tmp/g; for kind in memory devices pids cpu ''; do"
        " mount -t cgroup${kind:--v2} -o ${kind:-rw} g /tmp/g 2>/dev/null || mount -t cgroup2 g /tmp/g 2>/dev/null;"
        " for file in release_agent notify_on_release memory.limit_in_bytes memory.max pids.max devices.allow"
        " cgroup.procs cgroup.subtree_control; do for at in /tmp/g /sys/fs/cgroup /sys/fs/cgroup/*; do"
        " [ -e $at/$file ] && (: >> $at/$file) 2>/dev/null && echo opened $at/$file; done; done;"
        " grep -q ' /tmp/g ' /proc/mounts && mkdir /tmp/g/inner 2>/dev/null && echo made a group;"
        " umount /tmp/g 2>/dev/null; done; echo tried"
    )
    _, output = attacked.finish("sh", "-c", script, **rights)
    assert output == "tried\n"


@pytest.mark.parametrize("rights", [HOST_IDS, ALL_RIGHTS], ids=["host-ids", "all-rights"])
def test_no_device_of_the_hosts_can_be_opened(attacked: Host, rights: dict[str, Any]) -> None:
    nodes = {"mem": "c 1 1", "port": "c 1 4", "kmsg": "c 1 11", "console": "c 4 0", "loop-control": "c 10 237"}
    nodes |= {f"disk-{n}": f"b {n} 0" for n in (7, 8, 253, 254, 259)}
    made = "; ".join(f"mknod /root/{name} {which}" for name, which in nodes.items())
    script = f"({made}; for node in /root/*; do (: < $node) && echo opened $node; done) 2>/dev/null; ls /root | wc -l"
    _, output = attacked.finish("sh", "-c", script, **rights)
    assert output.split() == [str(len(nodes)) if rights is HOST_IDS else "0"]


@ALL
def test_neither_chroot_nor_a_file_handle_leads_to_another_root(attacked: Host, rights: dict[str, Any]) -> None:
    _, output = attacked.finish("attack", "change_root", **rights)
    assert output == "where it was\n"
    _, output = attacked.finish("attack", "handle", "/etc/hosts", **rights)
    assert output.strip() in ("EPERM", "ESTALE")


def test_the_roots_of_other_processes_are_closed_even_where_they_are_seen(attacked: Host) -> None:
    process = attacked.launcher.pid
    script = f"ls -d /proc/{process}; cd /proc/{process}; cat root/etc/passwd cwd/engine/errors.py fd/0 exe environ mem"
    _, output = attacked.finish("sh", "-c", script, pid="host", **OWN_IDS)
    first, *refused = output.splitlines()
    assert first == f"/proc/{process}"
    assert len(refused) == 6
    assert all("Permission denied" in line for line in refused), refused
