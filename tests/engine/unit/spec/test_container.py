"""What a caller may say about a container, and what is answered to nonsense."""

import pytest

from engine.errors import InvalidSpec
from engine.spec.container import ContainerSpec, NetworkMode, Rlimit
from engine.spec.life import HealthCheck, Restart, RestartPolicy
from engine.spec.resources import Resources
from engine.spec.runtime import ConsoleSize, IoPriority, Scheduler, TimeOffset

MINIMAL = {"name": "web", "image": "busybox"}
FULL = ContainerSpec(
    name="web",
    image="busybox:1",
    command=("sh", "-c", "true"),
    entrypoint=(),
    env=("A=1", "B="),
    cwd="/srv",
    user="nobody:100",
    hostname="web.example",
    tty=True,
    network=NetworkMode.HOST,
    read_only=True,
    resources=Resources(memory_bytes=64 << 20, cpus=0.5, cpu_shares=512, pids=10),
    rlimits={"nofile": Rlimit(10, -1)},
    cap_add=("NET_ADMIN",),
    cap_drop=("all",),
    no_new_privileges=False,
    stop_signal="SIGUSR1",
    stop_timeout_s=2.5,
    labels={"team": "harbour"},
    restart=RestartPolicy(Restart.ON_FAILURE, 5),
    health=HealthCheck(("CMD-SHELL", "true"), interval_s=5, retries=2),
    restart_when_unhealthy=True,
    ttl_s=3600.0,
    groups=("audio", "50"),
    umask="0027",
    oom_score_adj=-500,
    privileged=True,
    seccomp='{"defaultAction": "SCMP_ACT_ALLOW"}',
    apparmor="docker-default",
    selinux_label="system_u:system_r:container_t:s0:c1,c2",
    cap_ambient=("NET_ADMIN",),
    init=True,
    domainname="harbour.example",
    sysctls={"net.core.somaxconn": "9"},
    scheduler=Scheduler("SCHED_BATCH", nice=5),
    io_priority=IoPriority("IOPRIO_CLASS_IDLE", 7),
    terminal_size=ConsoleSize(50, 132),
    personality="linux32",
    time_offsets={"boottime": TimeOffset(3600, 5)},
    annotations={"org.example": "x"},
    runtime="crun",
)


def test_a_specification_survives_the_way_to_json_and_back() -> None:
    assert ContainerSpec.from_json(FULL.to_json()) == FULL


def test_what_is_not_said_has_dockers_defaults() -> None:
    spec = ContainerSpec.from_json(MINIMAL)
    assert (spec.command, spec.network, spec.resources) == (None, NetworkMode.NONE, Resources())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nmae": "x"}, "nmae"),
        ({"name": "-web"}, "name"),
        ({"name": "we b"}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"image": " "}, "image"),
        ({"command": "sh -c true"}, "command"),
        ({"command": ["sh", 1]}, "command[1]"),
        ({"command": ["a\0b"]}, "command[0]"),
        ({"command": ["\ud800"]}, "command[0]"),
        ({"labels": {"a\0b": "x"}}, "labels.a\0b"),
        ({"labels": {"\ud800": "x"}}, "labels.?"),
        ({"\ud800": 1}, "?"),
        ({"env": ["A"]}, "env[0]"),
        ({"env": ["A=1", "=2"]}, "env[1]"),
        ({"cwd": "srv"}, "cwd"),
        ({"user": "a:b:c"}, "user"),
        ({"user": ":"}, "user"),
        ({"user": "x" * 256}, "user"),
        ({"user": "4294967295"}, "user"),
        ({"hostname": "-x"}, "hostname"),
        ({"hostname": "x" * 65}, "hostname"),
        ({"tty": 1}, "tty"),
        ({"network": "bridge!"}, "network"),
        ({"network": "none", "networks": [{"network": "one"}]}, "networks"),
        ({"network": "one", "networks": [{"network": "one", "ipv4": "10.1"}]}, "networks[0].ipv4"),
        ({"network": "one", "networks": [{"network": "one", "mac": "01:00:00:00:00:01"}]}, "networks[0].mac"),
        ({"network": "one", "networks": [{"network": "two"}, {"network": "two"}]}, "networks[1].network"),
        ({"network": "one", "networks": [{"network": "one", "aliases": ["a b"]}]}, "networks[0].aliases[0]"),
        ({"network": "one", "ports": [{"container_port": 0}]}, "ports[0].container_port"),
        ({"network": "one", "ports": [{"container_port": 1, "protocol": "icmp"}]}, "ports[0].protocol"),
        ({"network": "one", "ports": [{"container_port": 1, "host_ip": "here"}]}, "ports[0].host_ip"),
        ({"ports": [{"container_port": 80}]}, "ports"),
        ({"resources": {"memory_bytes": 4095}}, "resources.memory_bytes"),
        ({"resources": {"memory_bytes": 1e9}}, "resources.memory_bytes"),
        ({"resources": {"memory_bytes": 1 << 63}}, "resources.memory_bytes"),
        ({"resources": {"cpus": 0}}, "resources.cpus"),
        ({"resources": {"cpus": float("nan")}}, "resources.cpus"),
        ({"resources": {"cpu_shares": 1}}, "resources.cpu_shares"),
        ({"resources": {"pids": 0}}, "resources.pids"),
        ({"resources": {"disk": 1}}, "resources.disk"),
        ({"rlimits": {"nofiles": {"soft": 1, "hard": 1}}}, "rlimits.nofiles"),
        ({"rlimits": {"nofile": {"soft": 2, "hard": 1}}}, "rlimits.nofile"),
        ({"rlimits": {"nofile": {"soft": 2}}}, "rlimits.nofile.hard"),
        ({"cap_add": ["CAP_FLY"]}, "cap_add[0]"),
        ({"stop_signal": "SIGHUMP"}, "stop_signal"),
        ({"stop_timeout_s": -1}, "stop_timeout_s"),
        ({"labels": ["x"]}, "labels"),
        ({"restart": {"name": "sometimes"}}, "restart.name"),
        ({"restart": {"name": "on-failure", "max_retries": -1}}, "restart.max_retries"),
        ({"restart": {"name": "always", "max_retries": 3}}, "restart.max_retries"),
        ({"health": {"test": ["SHELL", "true"]}}, "health.test"),
        ({"health": {"test": ["CMD"]}}, "health.test"),
        ({"health": {"test": ["CMD-SHELL", "a", "b"]}}, "health.test"),
        ({"health": {"test": ["NONE", "x"]}}, "health.test"),
        ({"health": {"interval_s": 0}}, "health.interval_s"),
        ({"health": {"retries": 0}}, "health.retries"),
        ({"health": {"start_period_s": -1}}, "health.start_period_s"),
        ({"auto_remove": True, "restart": {"name": "always"}}, "auto_remove"),
        ({"ttl_s": 0}, "ttl_s"),
        ({"groups": ["a:b"]}, "groups[0]"),
        ({"groups": ["4294967295"]}, "groups[0]"),
        ({"umask": "0028"}, "umask"),
        ({"umask": "1777"}, "umask"),
        ({"oom_score_adj": 1001}, "oom_score_adj"),
        ({"seccomp": "strict"}, "seccomp"),
        ({"seccomp": "{}"}, "seccomp.defaultAction"),
        ({"apparmor": "two words"}, "apparmor"),
        ({"selinux_label": "container_t"}, "selinux_label"),
        ({"cap_ambient": ["FLY"]}, "cap_ambient[0]"),
        ({"domainname": "a b"}, "domainname"),
        ({"scheduler": {"policy": "SCHED_FIFO"}}, "scheduler.priority"),
        ({"io_priority": {"class": "IOPRIO_CLASS_RT", "priority": 8}}, "io_priority.priority"),
        ({"terminal_size": {"height": 70000, "width": 1}}, "terminal_size.height"),
        ({"personality": "bsd"}, "personality"),
        ({"time_offsets": {"realtime": {"secs": 1}}}, "time_offsets"),
        ({"annotations": {"": "x"}}, "annotations"),
        ({"annotations": {"org.moorage.runtime": "/bin/sh"}}, "annotations"),
        ({"runtime": "/bin/sh"}, "runtime"),
        ({"writable_cgroups": True, "cgroup_namespace": "host"}, "writable_cgroups"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        ContainerSpec.from_json(MINIMAL | change)
    assert caught.value.field == field


@pytest.mark.parametrize("value", [None, [], "web", 7])
def test_only_an_object_is_a_specification(value: object) -> None:
    with pytest.raises(InvalidSpec, match="must be an object"):
        ContainerSpec.from_json(value)
