"""The order of what is done in a new root, read from the plan: no root, no kernel."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.cgroups import Cgroup, Hierarchy
from engine.container import bundle, bundle_mounts, plan
from engine.container.mount_steps import Step
from engine.container.users import Identity
from engine.errors import InvalidSpec
from engine.images import Image
from engine.launcher.messages import unpack_birth
from engine.spec import defaults, runtime
from engine.spec.container import ContainerSpec, NetworkMode, Rlimit
from engine.spec.life import HealthCheck
from engine.spec.mounts import Mount, MountType
from engine.spec.resources import Resources
from engine.spec.runtime import Spec
from engine.sys import mount, process

ID = "ab" * 32
BUNDLE = Path("/b")
V1 = [Hierarchy(Path("/c/memory"), 1, ("memory",)), Hierarchy(Path("/c/cpu"), 1, ("cpu", "cpuacct"))]
V2 = [Hierarchy(Path("/c"), 2, ("memory", "cpu", "pids"))]
IMAGE = Image(
    id="sha256:" + "0" * 64,
    references=(),
    created_at="",
    size_bytes=0,
    shared_bytes=0,
    architecture="amd64",
    os="linux",
    variant="",
    entrypoint=("/entry",),
    command=("run", "it"),
    env=("PATH=/bin", "A=image"),
    working_dir="/srv",
    user="",
    exposed_ports=(),
    volumes=(),
    labels={},
    stop_signal="",
    health=HealthCheck(),
    layers=(),
    manifest_digest="",
    history=(),
)


def make(identity: Identity | None = None, **spec: object) -> Spec:
    asked = ContainerSpec(**{"name": "x", "image": "i", **spec})  # type: ignore[arg-type]
    return bundle.make(ID, asked, IMAGE, identity or Identity(0, 0, (), "/root"), f"/moorage/{ID}")


def names(steps: list[Step]) -> list[str]:
    return [f"{step[0]} {step[2] if step[0] == 'mount' else step[1] if step[1:] else ''}" for step in steps]


def test_dev_is_mounted_before_what_lies_in_it_and_proc_before_it_is_masked() -> None:
    order = names(plan.prepare(make(), V2, BUNDLE).steps)
    assert order.index("attach_devices ") < order.index("mount /dev/pts")
    assert order.index("mount /proc") < order.index("mask /proc/kcore")
    assert order.index("attach_devices ") < order.index("mask /proc/kcore")


def test_with_the_hosts_ids_dev_is_mounted_and_filled_by_the_container_itself() -> None:
    order = names(plan.prepare(make(userns="host"), V2, BUNDLE).steps)
    assert order.index("mount /dev") < order.index("mknod /dev/null") < order.index("mount /dev/pts")
    assert order.index("mknod /dev/null") < order.index("mask /proc/kcore")


def test_a_read_only_root_is_the_last_step() -> None:
    assert plan.prepare(make(read_only=True), V2, BUNDLE).steps[-1] == ["read_only_root"]
    assert ["read_only_root"] not in plan.prepare(make(), V2, BUNDLE).steps


def test_a_v2_host_shows_one_cgroup_tree_a_v1_host_one_for_each_mount() -> None:
    ours = [step for step in plan.prepare(make(), V2, BUNDLE).steps if step[0] == "mount" and "cgroup" in step[3]]
    assert ours == [["mount", "cgroup", "/sys/fs/cgroup", "cgroup2", mount.MS_RDONLY | 14, ""]]
    theirs = [step[5] for step in plan.prepare(make(), V1, BUNDLE).steps if step[0] == "mount" and step[3] == "cgroup"]
    assert theirs == ["memory", "cpu,cpuacct"]


def test_the_host_network_brings_the_hosts_ids_and_no_other_namespace() -> None:
    cgroup = Cgroup((), (), "", "")
    common = {"run": 1, "folder": Path("/f"), "observed": Path("/o"), "cgroup": cgroup, "hierarchies": V2, "layers": []}
    own = plan.make(ID, make(), **common)  # type: ignore[arg-type]
    shared = plan.make(ID, make(network=NetworkMode.HOST), **common)  # type: ignore[arg-type]
    assert own.clone_flags ^ shared.clone_flags == process.CLONE_NEWNET | process.CLONE_NEWUSER


def test_the_callers_command_replaces_the_images_but_keeps_its_entrypoint() -> None:
    assert make().process.args == ("/entry", "run", "it")
    assert make(command=("a",)).process.args == ("/entry", "a")
    assert make(entrypoint=("/mine",)).process.args == ("/mine",)
    assert make(entrypoint=(), command=("a",)).process.args == ("a",)


def test_the_callers_environment_wins_over_the_images() -> None:
    environment = dict(entry.split("=", 1) for entry in make(env=("A=mine", "B=2")).process.env)
    assert environment == {"PATH": "/bin", "HOSTNAME": ID[:12], "A": "mine", "B": "2", "HOME": "/root"}


@pytest.mark.parametrize(
    ("asked", "field"), [({"entrypoint": ("", "x")}, "entrypoint"), ({"entrypoint": (), "command": ("",)}, "command")]
)
def test_an_empty_word_is_no_program(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidSpec) as told:
        make(**asked)
    assert told.value.field == field


def test_what_is_no_variable_in_an_image_is_left_out() -> None:
    odd = replace(IMAGE, env=("PATH=/bin", "ALONE", "=nameless", "B="))
    made = bundle.make(ID, ContainerSpec("x", "i"), odd, Identity(0, 0, (), "/root"), f"/moorage/{ID}")
    assert {entry.partition("=")[0] for entry in made.process.env} == {"PATH", "HOSTNAME", "HOME", "B"}


def test_root_holds_dockers_capabilities_and_another_user_none() -> None:
    root, other = make().process.capabilities, make(Identity(33, 33, (), "/")).process.capabilities
    assert root is not None
    assert other is not None
    assert "CAP_CHOWN" in root.effective
    assert "CAP_SYS_ADMIN" not in root.bounding
    assert (other.effective, other.permitted, other.bounding) == ((), (), root.bounding)


def test_capabilities_are_dropped_before_others_are_added() -> None:
    held = make(cap_drop=("ALL",), cap_add=("net_admin",)).process.capabilities
    assert held is not None
    assert held.bounding == ("CAP_NET_ADMIN",)
    most = make(cap_add=("ALL",), cap_drop=("SYS_ADMIN",)).process.capabilities
    assert most is not None
    assert "CAP_SYS_ADMIN" not in most.bounding
    assert "CAP_BPF" in most.bounding


def test_limits_become_the_kernels_own_numbers() -> None:
    resources = make(resources=Resources(memory_bytes=1 << 30, cpus=1.5, pids=9)).linux.resources
    assert resources.memory is not None
    assert resources.cpu is not None
    assert resources.pids is not None
    assert (resources.memory.limit, resources.memory.swap) == (1 << 30, 2 << 30)
    assert (resources.cpu.quota, resources.cpu.period) == (150000, 100000)
    assert resources.pids.limit == 9


def test_an_unlimited_rlimit_is_minus_one_for_the_kernel() -> None:
    cgroup = Cgroup((), (), "", "")
    spec = make(rlimits={"nofile": Rlimit(5, -1)})
    made = plan.make(ID, spec, run=1, folder=Path("/f"), observed=Path("/o"), cgroup=cgroup, hierarchies=V2, layers=[])
    assert unpack_birth(made.birth).process.rlimits == [[7, 5, -1]]


def test_what_the_caller_mounts_comes_after_the_usual_from_the_outermost_in_and_then_the_files_in_etc() -> None:
    asked = (
        Mount(MountType.TMPFS, "/a/b", options=("exec",)),
        Mount(MountType.BIND, "/a", "/srv", read_only=True),
        Mount(MountType.BIND, "/etc/hosts", "/srv/hosts"),
    )
    spec = ContainerSpec("x", "i", mounts=asked, shm_size_bytes=4096)
    mounts = bundle_mounts.mounts(spec, Path("/c"), {"/v": Path("/volumes/stock/_data")}, {})
    made = plan.prepare(replace(make(), mounts=mounts), V2, BUNDLE, Path("/volumes"))
    places = [step[2] for step in made.steps if step[0] in ("mount", "attach", "mount_on")]
    at = [places.index(place) for place in ("/dev/shm", "/a", "/v", "/a/b", "/etc/hostname", "/etc/resolv.conf")]
    assert at == sorted(at)
    read_only, private = [[mount.MOUNT_ATTR_RDONLY, 0, mount.MS_PRIVATE, True]], [[0, 0, mount.MS_PRIVATE, True]]
    assert [source for source in made.sources if source[0].startswith(("/srv", "/volumes"))] == [
        ["/srv", "", True, read_only],
        ["/volumes/stock/_data", "", True, private],
        ["/srv/hosts", "", True, private],
    ]
    assert [step[5].split(",")[-1] for step in made.steps if step[2:4] == ["/dev/shm", "tmpfs"]] == ["size=4096"]


def test_a_path_in_a_volume_is_kept_apart_from_the_volume_it_must_not_lead_out_of() -> None:
    spec = replace(make(), mounts=(runtime.Mount("/d", "bind", "/volumes/stock/_data/a/b", ("bind",)),))
    assert plan.prepare(spec, V2, BUNDLE, Path("/volumes")).sources[0][:2] == ["/volumes/stock/_data", "a/b"]
    assert plan.prepare(spec, V2, BUNDLE).sources[0][:2] == ["/volumes/stock/_data/a/b", ""]


def test_a_dev_of_the_callers_own_is_not_filled_and_masks_take_the_hosts_null_device() -> None:
    mounts = (*[item for item in defaults.MOUNTS if item.destination != "/dev"], runtime.Mount("/dev", "bind", "/d"))
    made = plan.prepare(replace(make(), mounts=mounts), V2, BUNDLE)
    assert not [step for step in made.steps if step[0] in ("mknod", "symlink", "mask")]
    masks = [step for step in made.steps if step[0] == "mask_found"]
    assert [made.sources[index][0] for _, index, _ in masks] == ["/dev/null"] * len(defaults.MASKED_PATHS)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("mounts[0].destination", runtime.Mount("/proc/sys", "tmpfs", "tmpfs")),
        ("mounts[0].destination", runtime.Mount("/", "tmpfs", "tmpfs")),
        ("mounts[0].destination", runtime.Mount("/proc/sys", "bind", "/s", ("rbind",))),
        ("mounts[0].destination", runtime.Mount("proc/self", "proc", "proc")),
        ("mounts[0].source", runtime.Mount("/d", "bind", "")),
        ("mounts[0].options", runtime.Mount("/d", "bind", "/s", ("rbind", "sync"))),
        ("mounts[0].options", runtime.Mount("/d", "bind", "/s", ("rbind", "size=1"))),
    ],
)
def test_a_mount_of_a_bundle_that_cannot_be_is_refused_by_its_field(field: str, wrong: runtime.Mount) -> None:
    with pytest.raises(InvalidSpec) as caught:
        plan.prepare(replace(make(), mounts=(wrong,)), V2, BUNDLE)
    assert caught.value.field == field


def test_the_roots_propagation_is_set_when_all_else_is_done() -> None:
    spec = make()
    shared = replace(spec, linux=replace(spec.linux, rootfs_propagation="rshared"))
    assert plan.prepare(shared, V2, BUNDLE).steps[-1] == ["mount", "", "/", "", mount.MS_SHARED | mount.MS_REC, ""]
