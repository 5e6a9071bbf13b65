"""What gives a container more of its host is named; what any container may ask for is not."""

from typing import Any

import pytest

from engine import ContainerSpec, outlets, privileges


def asked(**fields: Any) -> list[str]:
    return privileges(ContainerSpec.from_json({"name": "one", "image": "busybox", **fields}))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"privileged": True}, ["privileged"]),
        ({"network": "host"}, ["network"]),
        ({"pid": "host", "ipc": "host", "uts": "host", "userns": "host"}, ["pid", "ipc", "uts", "userns"]),
        ({"cgroup_namespace": "host"}, ["cgroup_namespace"]),
        ({"mounts": [{"type": "bind", "source": "/etc", "target": "/x", "read_only": True}]}, ["mounts"]),
        ({"cap_add": ["sys_admin"]}, ["cap_add"]),
        ({"cap_add": ["ALL"]}, ["cap_add"]),
        ({"cap_ambient": ["CAP_SYS_TIME"]}, ["cap_ambient"]),
        ({"seccomp": "unconfined"}, ["seccomp"]),
        ({"apparmor": "unconfined", "selinux_label": "u:r:t:s0"}, ["apparmor", "selinux_label"]),
        ({"runtime": "runc"}, ["runtime"]),
        ({"cgroup_parent": "/somewhere"}, ["cgroup_parent"]),
        ({"devices": [{"host_path": "/dev/sda"}]}, ["devices"]),
        ({"cdi_devices": ["vendor.com/class=one"], "gpus": "all"}, ["cdi_devices", "gpus"]),
        ({"mounts": [{"type": "image", "source": "tools", "target": "/opt"}], "writable_cgroups": True}, []),
        ({"device_cgroup_rules": ["c 1:1 r"]}, ["device_cgroup_rules"]),
        ({"masked_paths": []}, ["masked_paths"]),
        ({"readonly_paths": []}, ["readonly_paths"]),
        ({"oom_score_adj": -500}, ["oom_score_adj"]),
        ({"scheduler": {"policy": "SCHED_FIFO", "priority": 1}}, ["scheduler"]),
        ({"io_priority": {"class": "IOPRIO_CLASS_RT", "priority": 0}}, ["io_priority"]),
    ],
)
def test_what_takes_trust_is_named(fields: dict[str, Any], named: list[str]) -> None:
    assert asked(**fields) == named


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"cap_add": ["CAP_CHOWN", "net_raw"], "cap_drop": ["ALL"]},
        {"mounts": [{"type": "volume", "source": "data", "target": "/d"}, {"type": "tmpfs", "target": "/t"}]},
        {"network": "container:other", "ipc": "shareable"},
        {"oom_score_adj": 500, "resources": {"memory_bytes": 1 << 24}},
        {"scheduler": {"policy": "SCHED_BATCH"}},
    ],
)
def test_what_any_container_may_ask_for_is_not(fields: dict[str, Any]) -> None:
    assert asked(**fields) == []


@pytest.mark.parametrize(
    ("log", "named"),
    [
        ({}, []),
        ({"driver": "journald"}, []),
        ({"driver": "syslog", "options": {"tag": "x"}}, []),
        ({"driver": "syslog", "options": {"syslog-address": "unix:///dev/log"}}, []),
        (
            {"driver": "syslog", "options": {"syslog-address": "unix:///run/docker.sock"}},
            ["log.options.syslog-address"],
        ),
        ({"driver": "syslog", "options": {"syslog-address": "udp://127.0.0.1"}}, ["log.options.syslog-address"]),
        ({"driver": "syslog", "options": {"syslog-address": "tcp+tls://logs"}}, ["log.options.syslog-address"]),
    ],
)
def test_output_that_goes_where_the_caller_likes_is_named(log: dict[str, Any], named: list[str]) -> None:
    spec = ContainerSpec.from_json({"name": "one", "image": "busybox", "log": log})
    assert outlets(spec) == named
    assert privileges(spec) == []
