"""Containers that divide their own control group, and cannot lift the limits of the whole."""

from typing import Any

import pytest

from engine import Resources, Status, Unsupported
from engine.cgroups.hierarchies import find_hierarchies
from tests.services.host import Host

IS_V2 = all(hierarchy.version == 2 for hierarchy in find_hierarchies())
on_v2 = pytest.mark.skipif(not IS_V2, reason="control groups of version 1 cannot be handed on")
LIMITED: dict[str, Any] = {"resources": Resources(pids=50), "writable_cgroups": True}
DIVIDE = """
cd /sys/fs/cgroup && mkdir main side && echo $$ > main/cgroup.procs && echo +pids > cgroup.subtree_control || exit 1
echo 3 > side/pids.max && cat side/pids.max
echo max > pids.max || echo kept
cat pids.max
echo 1 > ../cgroup.procs || echo alone
"""


@pytest.mark.v2
@on_v2
@pytest.mark.parametrize("userns", ["", "host"])
def test_its_programs_divide_the_group_whose_limits_stay(host: Host, userns: str) -> None:
    if userns == "host" and not all(hierarchy.keeps_delegated for hierarchy in find_hierarchies()):
        pytest.skip("control groups are mounted without nsdelegate")
    _, output = host.finish("sh", "-c", DIVIDE, userns=userns, **LIMITED)
    words = [line for line in output.splitlines() if not line.startswith("sh:")]
    assert words[:3] == ["3", "kept", "50"]


@pytest.mark.v2
@on_v2
def test_a_divided_group_is_executed_in_started_again_and_removed(host: Host) -> None:
    container = host.start("sh", "-c", f"{DIVIDE} echo ready; sleep 60", **LIMITED)
    host.wait_for_output(container, "ready")
    host.engine.restart(container, timeout_s=0)
    assert host.engine.state(container).status is Status.RUNNING
    host.engine.remove(container, force=True)
    assert container not in host.engine._runtime.cgroups.names()


@pytest.mark.v2
@on_v2
def test_nobody_writes_to_the_group_unless_that_was_asked_for(host: Host) -> None:
    _, output = host.finish("mkdir", "/sys/fs/cgroup/side")
    assert "Read-only file system" in output


@pytest.mark.skipif(IS_V2, reason="this host has control groups of version 2 only")
def test_on_version_1_it_is_refused_and_told_why(host: Host) -> None:
    with pytest.raises(Unsupported, match="writable_cgroups: this host has control groups of version 1"):
        host.create("true", writable_cgroups=True)
