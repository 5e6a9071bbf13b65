"""Every field of a bundle that can be wrong is refused by its name."""

import json
from typing import Any

import pytest

from engine.errors import InvalidSpec
from engine.spec.runtime import Spec, checks
from tests.engine.unit.spec.complete import CONFIG, HOOK

WRONG: list[tuple[str, Any]] = [
    ("ociVersion", "2.0.0"),
    ("root.path", ""),
    ("process.args", []),
    ("process.cwd", "srv"),
    ("process.env[0]", "A"),
    ("process.user.uid", -1),
    ("process.user.umask", 0o1000),
    ("process.user.additionalGids[1]", 1 << 32),
    ("process.consoleSize.height", 65536),
    ("process.capabilities.bounding[0]", "KILL"),
    ("process.capabilities.effective[0]", "CAP_CHOWN"),
    ("process.rlimits[0].type", "RLIMIT_NONE"),
    ("process.rlimits[0].soft", 2000),
    ("process.oomScoreAdj", 1001),
    ("process.scheduler.policy", "SCHED_FAST"),
    ("process.scheduler.flags[0]", "FLAG"),
    ("process.scheduler.nice", 20),
    ("process.scheduler.priority", 1),
    ("process.ioPriority.class", "IOPRIO_CLASS_NONE"),
    ("process.ioPriority.priority", 8),
    ("process.execCPUAffinity.initial", "0-"),
    ("mounts[0].destination", ""),
    ("mounts[0].gidMappings", []),
    ("mounts[0].uidMappings[0].size", 0),
    ("hooks.createRuntime[0].path", "bin/hook"),
    ("hooks.poststop[0].timeout", 0),
    ("hostname", "x" * 65),
    ("linux.namespaces[0].type", "disk"),
    ("linux.namespaces[7].path", "netns/x"),
    ("linux.uidMappings", []),
    ("linux.sysctl", {"vm.swappiness": "1"}),
    ("linux.sysctl", {"kernel.hostname": "x"}),
    ("linux.sysctl", {"net/../vm/swappiness": "1"}),
    ("linux.devices[0].type", "x"),
    ("linux.devices[0].path", "fuse"),
    ("linux.devices[0].major", 4096),
    ("linux.rootfsPropagation", "public"),
    ("linux.maskedPaths[0]", "proc"),
    ("linux.readonlyPaths[0]", "proc"),
    ("linux.personality.domain", "BSD"),
    ("linux.personality.flags", ["X"]),
    ("linux.timeOffsets", {"realtime": {"secs": 1}}),
    ("linux.timeOffsets.monotonic.nanosecs", 1_000_000_000),
    ("linux.intelRdt.closID", "a/b"),
    ("linux.intelRdt.memBwSchema", "L3:0=1"),
    ("linux.cgroupsPath", "/a/../b"),
    ("linux.resources.devices[0].type", "x"),
    ("linux.resources.devices[0].access", "x"),
    ("linux.resources.memory.limit", -2),
    ("linux.resources.memory.swap", 1),
    ("linux.resources.memory.swappiness", 101),
    ("linux.resources.cpu.shares", -1),
    ("linux.resources.cpu.burst", 2_000_000),
    ("linux.resources.cpu.idle", 2),
    ("linux.resources.cpu.cpus", "two"),
    ("linux.resources.blockIO.weight", 1001),
    ("linux.resources.blockIO.weightDevice[0]", {"major": 8, "minor": 0}),
    ("linux.resources.blockIO.throttleReadIOPSDevice[0].rate", -1),
    ("linux.resources.hugepageLimits[0].pageSize", "2"),
    ("linux.resources.network.classID", -1),
    ("linux.resources.rdma.mlx5_1", {}),
    ("linux.resources.unified", {"../x.y": "1"}),
    ("linux.seccomp.defaultAction", "SCMP_ACT_MAYBE"),
    ("linux.seccomp.architectures[0]", "SCMP_ARCH_VAX"),
    ("linux.seccomp.flags[0]", "FLAG"),
    ("linux.seccomp.syscalls[0].names", []),
    ("linux.seccomp.syscalls[0].errnoRet", 4096),
    ("linux.seccomp.syscalls[0].args[0].index", 6),
    ("linux.seccomp.syscalls[0].args[0].op", "SCMP_CMP_ODD"),
]


def changed(path: str, value: Any) -> Any:
    """CONFIG with the field at `path` replaced."""
    document = json.loads(json.dumps(CONFIG))
    keys = [int(key) if key.isdigit() else key for key in path.replace("]", "").replace("[", ".").split(".")]
    place: Any = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return document


def test_a_bundle_with_every_field_passes() -> None:
    checks.check(Spec.from_json(CONFIG))


@pytest.mark.parametrize(("path", "value"), WRONG)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(path: str, value: Any) -> None:
    with pytest.raises(InvalidSpec) as caught:
        checks.check(Spec.from_json(changed(path, value)))
    assert caught.value.field.startswith(path)


def test_a_namespace_is_there_once() -> None:
    with pytest.raises(InvalidSpec, match=r"linux\.namespaces\[1\]"):
        checks.check(Spec.from_json(changed("linux.namespaces", [{"type": "pid"}, {"type": "pid", "path": "/x"}])))


def test_only_actions_that_have_an_errno_are_given_one() -> None:
    with pytest.raises(InvalidSpec, match="errnoRet"):
        checks.check(Spec.from_json(changed("linux.seccomp.syscalls[0].action", "SCMP_ACT_KILL")))


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("uts", "hostname"),
        ("network", "linux.sysctl.net.ipv4.ip_forward"),
        ("user", "linux.uidMappings"),
        ("time", "linux.timeOffsets"),
    ],
)
def test_what_belongs_to_a_namespace_needs_one_of_its_own(kind: str, field: str) -> None:
    kept = [namespace for namespace in CONFIG["linux"]["namespaces"] if namespace["type"] != kind]
    with pytest.raises(InvalidSpec) as caught:
        checks.check(Spec.from_json(changed("linux.namespaces", kept)))
    assert caught.value.field == field


def test_realtime_policies_need_a_priority_and_only_deadline_has_times() -> None:
    for policy, more in (("SCHED_FIFO", {}), ("SCHED_BATCH", {"runtime": 5})):
        with pytest.raises(InvalidSpec):
            checks.check(Spec.from_json(changed("process.scheduler", {"policy": policy, **more})))
    checks.check(Spec.from_json(changed("process.scheduler", {"policy": "SCHED_RR", "priority": 99})))


def test_calls_left_to_a_listener_need_one_and_never_its_own_way_of_being_told() -> None:
    notify = {"names": ["mknod"], "action": "SCMP_ACT_NOTIFY"}
    checks.check(Spec.from_json(changed("linux.seccomp.syscalls", [notify])))
    for gone in ({"listenerPath": None}, {"listenerPath": None, "listenerMetadata": None}):
        section = CONFIG["linux"]["seccomp"] | {"syscalls": [notify]} | gone
        with pytest.raises(InvalidSpec, match="listenerPath"):
            checks.check(Spec.from_json(changed("linux.seccomp", section)))
    everything = {"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/x"}
    with pytest.raises(InvalidSpec, match="defaultAction"):
        checks.check(Spec.from_json(changed("linux.seccomp", everything)))
    with pytest.raises(InvalidSpec, match="write"):
        checks.check(Spec.from_json(changed("linux.seccomp.syscalls", [notify | {"names": ["write"]}])))


def test_a_hook_may_go_without_arguments() -> None:
    checks.check(Spec.from_json(changed("hooks.prestart", [{"path": HOOK["path"]}])))
