"""Mounts, devices and names that make no sense are refused by the field that is wrong."""

import pytest

from engine import InvalidSpec
from engine.spec.container import ContainerSpec

BIND = {"type": "bind", "source": "/srv", "target": "/data"}
VOLUME = {"type": "volume", "source": "stock", "target": "/data"}
IMAGE = {"type": "image", "source": "tools", "target": "/data"}
TMPFS = {"type": "tmpfs", "target": "/data"}

WRONG_MOUNTS = [
    ("type", {**BIND, "type": "npipe"}),
    ("target", {**BIND, "target": "data"}),
    ("target", {**BIND, "target": "/"}),
    ("target", {**BIND, "target": "/x/../"}),
    ("target", {**BIND, "target": "/proc/sys/kernel"}),
    ("target", {**BIND, "target": "/sys/../proc/1"}),
    ("source", {**BIND, "source": "srv"}),
    ("source", {**BIND, "source": ""}),
    ("propagation", {**BIND, "propagation": "sideways"}),
    ("recursive_read_only", {**BIND, "recursive_read_only": "required"}),
    ("recursive_read_only", {**BIND, "read_only": True, "recursive_read_only": "required", "propagation": "rslave"}),
    ("no_copy", {**BIND, "no_copy": True}),
    ("subpath", {**BIND, "subpath": "a"}),
    ("size_bytes", {**BIND, "size_bytes": 1}),
    ("unknown", {**BIND, "unknown": 1}),
    ("source", {**VOLUME, "source": "a/b"}),
    ("source", {**VOLUME, "source": ".."}),
    ("subpath", {**VOLUME, "subpath": "/etc"}),
    ("subpath", {**VOLUME, "subpath": "a/../../b"}),
    ("subpath", {**VOLUME, "source": "", "subpath": "a"}),
    ("propagation", {**VOLUME, "propagation": "rshared"}),
    ("create_source", {**VOLUME, "create_source": True}),
    ("source", {**IMAGE, "source": ""}),
    ("subpath", {**IMAGE, "subpath": "/etc"}),
    ("subpath", {**IMAGE, "subpath": "a/../../b"}),
    ("propagation", {**IMAGE, "propagation": "rslave"}),
    ("no_copy", {**IMAGE, "no_copy": True}),
    ("propagation", {**TMPFS, "propagation": "rslave"}),
    ("source", {**TMPFS, "source": "/srv"}),
    ("size_bytes", {**TMPFS, "size_bytes": -1}),
    ("mode", {**TMPFS, "mode": 0o10000}),
    ("options[0]", {**TMPFS, "options": ["remount"]}),
    ("options[1]", {**TMPFS, "options": ["exec", "size=1,noexec"]}),
    ("options[0]", {**TMPFS, "options": ["size=large"]}),
    ("options[0]", {**TMPFS, "options": ["mode=888"]}),
    ("options[0]", {**TMPFS, "options": ["huge="]}),
    ("labels", {**TMPFS, "labels": {"a": "b"}}),
    ("relabel", {**TMPFS, "relabel": "shared"}),
]

WRONG_FIELDS = [
    ("shm_size_bytes", 0),
    ("devices[0].host_path", [{"host_path": "dev/null"}]),
    ("devices[0].container_path", [{"host_path": "/dev/null", "container_path": "null"}]),
    ("devices[0].access", [{"host_path": "/dev/null", "access": "rx"}]),
    ("devices[0].access", [{"host_path": "/dev/null", "access": "rr"}]),
    ("device_cgroup_rules[0]", ["c 1:3"]),
    ("device_cgroup_rules[0]", ["x 1:3 rwm"]),
    ("masked_paths[0]", ["proc/kcore"]),
    ("readonly_paths[0]", ["/"]),
    ("extra_hosts[0]", ["db"]),
    ("extra_hosts[0]", ["db:host-gateway"]),
    ("extra_hosts[0]", ["a b:192.0.2.1"]),
    ("dns[0]", ["example.org"]),
    ("dns_search[0]", ["a b"]),
    ("dns_options[0]", ["a\nnameserver 192.0.2.1"]),
]


def read(**fields: object) -> ContainerSpec:
    return ContainerSpec.from_json({"name": "x", "image": "i", **fields})


@pytest.mark.parametrize(("field", "mount"), WRONG_MOUNTS)
def test_a_mount_that_makes_no_sense_is_refused(field: str, mount: dict[str, object]) -> None:
    with pytest.raises(InvalidSpec) as caught:
        read(mounts=[mount])
    assert caught.value.field == f"mounts[0].{field}"


@pytest.mark.parametrize(("field", "value"), WRONG_FIELDS)
def test_a_device_or_name_that_makes_no_sense_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidSpec) as caught:
        read(**{field.partition("[")[0]: value})
    assert caught.value.field == field


def test_two_mounts_at_one_place_are_refused() -> None:
    with pytest.raises(InvalidSpec, match=r"mounts\[1\].target: /data is mounted twice"):
        read(mounts=[BIND, {**TMPFS, "target": "//x/../data/"}])


def test_figures_below_proc_may_be_mounted_upon() -> None:
    assert read(mounts=[{**BIND, "target": "/proc/meminfo"}]).mounts[0].target == "/proc/meminfo"


def test_what_was_asked_survives_its_way_through_json() -> None:
    asked = read(
        mounts=[
            {**BIND, "read_only": True, "recursive_read_only": "off", "propagation": "rslave", "create_source": True},
            {**VOLUME, "target": "/v", "no_copy": True, "subpath": "a/b", "labels": {"team": "quay"}},
            {**TMPFS, "target": "/t", "size_bytes": 4096, "mode": 0o700, "options": ["exec", "uid=5"]},
        ],
        devices=[{"host_path": "/dev/fuse", "access": "rw"}],
        device_cgroup_rules=["c *:* rwm", "b 8:* r"],
        masked_paths=[],
        extra_hosts=["db:192.0.2.1"],
    )
    assert ContainerSpec.from_json(asked.to_json()) == asked
    assert asked.masked_paths == ()
    assert asked.readonly_paths is None
