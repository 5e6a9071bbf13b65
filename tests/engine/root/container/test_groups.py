"""Where a container's control group is, what it makes of it, and that nothing of that is left."""

import os
import signal
from pathlib import Path

import pytest

from engine import CgroupNamespace, CommandNotFound, Engine, InvalidSpec, Resources, Unsupported
from engine.cgroups import CgroupManager
from engine.spec.runtime import Pids
from engine.spec.runtime import Resources as Limits
from tests.services.host import Host
from tests.services.processes import wait_until

pytestmark = pytest.mark.v2

NEST = """
for root in /sys/fs/cgroup /sys/fs/cgroup/*; do
    test -w $root/cgroup.procs || continue
    mkdir -p $root/inner/deep
    for file in cpuset.cpus cpuset.mems; do
        test -e $root/$file && cat $root/$file > $root/inner/$file && cat $root/$file > $root/inner/deep/$file
    done
    echo 0 > $root/inner/deep/cgroup.procs && echo $root
done
test -e /sys/fs/cgroup/cgroup.subtree_control && echo +pids > /sys/fs/cgroup/cgroup.subtree_control && echo delegated
"""


def group_of(host: Host, container: str) -> list[Path]:
    return [Path(folder) for folder in host.engine._runtime.cgroups.find(container).folders]


@pytest.mark.v2_smoke
def test_groups_a_container_made_itself_go_with_it(host: Host) -> None:
    container = host.start("sh", "-c", NEST + "echo ready; sleep 60; true", privileged=True)
    wait_until(lambda: "ready" in host.output(container), "it has made them")
    assert "/sys/fs/cgroup" in host.output(container)
    inner = [folder / "inner/deep" for folder in group_of(host, container) if (folder / "inner/deep").is_dir()]
    assert inner
    assert len(host.engine.top(container).processes) == 2
    assert host.engine.stats(container).pids.current == 2
    host.engine.pause(container)
    host.engine.kill(container)
    wait_until(lambda: not any(folder.exists() for folder in group_of(host, container)), "its groups are gone")


def test_limits_hold_for_the_groups_inside(host: Host) -> None:
    fork = "for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait"
    _, output = host.finish("sh", "-c", NEST + fork, privileged=True, resources=Resources(pids=5))
    assert "can't fork" in output


def test_a_group_below_a_parent_of_the_callers_choice(host: Host) -> None:
    parent = f"/moorage-test-{os.getpid()}/team"
    container = host.start("sleep", "60", cgroup_parent=parent, resources=Resources(pids=9))
    try:
        lines = Path(f"/proc/{host.engine.state(container).pid}/cgroup").read_text()
        assert f"{parent}/{container}" in lines
        assert host.engine.stats(container).pids.limit == 9
        host.engine.pause(container)
        Engine(host.home, host.run).repair()
        host.engine.kill(container)
        path = f"{parent}/{container}"
        wait_until(lambda: not host.engine._runtime.cgroups.exists(path), "its group is gone")
        assert host.engine._runtime.cgroups.exists(parent)  # made for it, but perhaps others use it by now
    finally:
        host.engine.remove(container, force=True)
        host.engine._runtime.cgroups.remove(os.path.dirname(parent))


def test_what_is_no_parent_is_refused(host: Host) -> None:
    for parent in ("relative", "/", "/a/../b", "/a/"):
        with pytest.raises(InvalidSpec, match="cgroup_parent"):
            host.create("true", cgroup_parent=parent)


def test_repair_empties_the_group_of_a_container_nobody_knows(host: Host) -> None:
    manager = host.engine._runtime.cgroups
    group = manager.create("0" * 64, Limits())
    pid = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
    for folder in group.folders:
        os.mkdir(f"{folder}/inner")
        Path(folder, "cgroup.procs").write_text(str(pid))
    manager.freeze("0" * 64)
    host.engine.repair()
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == 9
    assert not manager.exists("0" * 64)


def test_a_program_starts_under_one_mebibyte_and_that_is_its_limit(host: Host) -> None:
    for _ in range(3):
        state, _ = host.finish("true", resources=Resources(memory_bytes=1 << 20))
        assert (state.exit_code, state.oom_killed) == (0, False)
    container = host.start(
        "sh", "-c", "sleep 0.2; head -c 9000000 /dev/zero | tail", resources=Resources(memory_bytes=1 << 20)
    )
    assert host.engine.stats(container).memory.limit_bytes == 1 << 20
    assert host.wait(container).oom_killed
    with pytest.raises(CommandNotFound):
        host.start("no-such-program", resources=Resources(memory_bytes=1 << 20))


def test_a_container_sees_its_own_group_as_the_root_unless_it_shares_the_hosts_view(host: Host) -> None:
    _, private = host.finish("cat", "/proc/self/cgroup")
    assert {line.split(":", 2)[2] for line in private.splitlines() if "name=" not in line} == {"/"}
    state, shared = host.finish("cat", "/proc/self/cgroup", cgroup_namespace=CgroupNamespace.HOST)
    assert f"/{state.id}" in shared
    state, output = host.finish("ls", "/sys/fs/cgroup", cgroup_namespace=CgroupNamespace.HOST)
    assert state.exit_code == 0
    assert output


def test_a_parent_with_processes_of_its_own_cannot_limit_but_holds_what_needs_no_limit(host: Host) -> None:
    if host.engine.capabilities().cgroups != "v2":
        pytest.skip("v1 lets groups have both")
    parent = Path(f"/sys/fs/cgroup/moorage-test-{os.getpid()}")
    parent.mkdir()
    pid = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
    try:
        (parent / "cgroup.procs").write_text(str(pid))
        state, output = host.finish("echo", "here", cgroup_parent=f"/{parent.name}")
        assert (state.exit_code, output) == (0, "here\n")
        with pytest.raises(Unsupported, match="does not hand its controller pids down: it has processes"):
            host.start("true", cgroup_parent=f"/{parent.name}", resources=Resources(pids=5))
        for state in host.engine.states():
            host.engine.remove(state.id, force=True)
        (parent / "cgroup.subtree_control").write_text("+pids")  # as somebody may who wants groups of threads
        (parent / "threads").mkdir()
        with pytest.raises(Unsupported, match="is of the kind 'domain threaded'"):
            host.start("true", cgroup_parent=f"/{parent.name}")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        for state in host.engine.states():
            host.engine.remove(state.id, force=True)
        host.engine._runtime.cgroups.remove(f"/{parent.name}")


def test_files_of_v2_that_a_bundle_names_itself(host: Host) -> None:
    manager = host.engine._runtime.cgroups
    asked = Limits(unified={"cgroup.max.depth": "7", "hugetlb.2MB.max": "4194304"})
    try:
        folder = manager.create("unified", asked).v2_folder
        assert Path(folder, "cgroup.max.depth").read_text() == "7\n"
        assert Path(folder, "hugetlb.2MB.max").read_text() == "4194304\n"
        manager.update("unified", asked, Limits(unified={"cgroup.max.depth": "7"}))
        assert int(Path(folder, "hugetlb.2MB.max").read_text().replace("max", "1" * 18)) > 1 << 50
        with pytest.raises(Unsupported, match=r"no control file cgroup\.nonsense"):
            manager.update("unified", asked, Limits(unified={"cgroup.nonsense": "7"}))
    finally:
        manager.remove("unified")


def test_groups_above_that_were_tidied_away_are_made_again(host: Host) -> None:
    manager = CgroupManager(f"moorage-test-{os.getpid()}/a")
    try:
        for _ in range(2):
            assert manager.create("x", Limits(pids=Pids(5))).folders
            manager.remove("/" + manager.parent.split("/")[0])
    finally:
        manager.remove("/" + manager.parent.split("/")[0])
