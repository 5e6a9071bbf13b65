"""What a container's process is told to be, seen from inside."""

import json
import os
from pathlib import Path

import pytest

from engine import ConsoleSize, ExecSpec, InvalidSpec, IoPriority, Rlimit, Scheduler, TimeOffset, Unsupported
from engine.container import process
from engine.sys import names
from tests.services.host import Host
from tests.services.processes import wait_until

pytestmark = pytest.mark.v2


def status(host: Host, **spec: object) -> dict[str, str]:
    """The program's own line of /proc/self/status by name."""
    _, output = host.finish("cat", "/proc/self/status", **spec)
    return {name: value.strip() for name, _, value in (line.partition(":") for line in output.splitlines())}


def test_groups_are_added_by_the_names_of_the_image(host: Host) -> None:
    assert status(host, user="nobody:100", groups=("nogroup", "7"))["Groups"] == "7 65534"


def test_a_umask_and_an_oom_score_are_the_programs_own(host: Host) -> None:
    state, output = host.finish("sh", "-c", "umask; cat /proc/self/oom_score_adj", umask="027", oom_score_adj=300)
    assert output.split() == ["0027", "300"]
    assert host.finish("sh", "-c", "umask")[1].split() == ["0022"]
    assert state.exit_code == 0


def test_a_user_other_than_root_holds_its_ambient_capabilities(host: Host) -> None:
    found = status(host, user="nobody", cap_add=("NET_ADMIN",), cap_ambient=("NET_ADMIN",))
    mask = f"{1 << 12:016x}"
    assert [found[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Amb")] == [mask] * 4


def test_what_is_ambient_must_be_the_containers(host: Host) -> None:
    with pytest.raises(InvalidSpec, match="cap_ambient"):
        host.create("true", user="nobody", cap_ambient=("SYS_ADMIN",))


def test_a_privileged_container_has_every_right_and_device(host: Host) -> None:
    script = "grep -E 'CapEff|Seccomp:' /proc/self/status; grep -cE ' (/proc|/sys)[^ ]* .* ro[, ]' /proc/mounts"
    state, output = host.finish("sh", "-c", f"{script}; : < /dev/kmsg", privileged=True)
    held = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapBnd"))
    assert f"CapEff:\t{held.split()[1]}" in output
    assert "Seccomp:\t0" in output
    assert output.splitlines()[-1] == "0"
    assert state.exit_code == 0


@pytest.mark.parametrize("hard", [-1, 1 << 40])
def test_more_descriptors_than_the_host_may_give_are_refused(host: Host, hard: int) -> None:
    with pytest.raises(Unsupported, match=r"nofile.* is the most, by .*(nr_open|CAP_SYS_RESOURCE)"):
        host.create("true", rlimits={"nofile": Rlimit(100, hard)})


def test_a_capability_that_the_hosts_root_lacks_is_told(host: Host) -> None:
    missing = [name for name in names.CAPABILITIES if f"CAP_{name}" not in process.everything()]
    if not missing:
        pytest.skip("root of this machine has every capability")
    container_id = host.create("true", cap_add=(missing[0],))
    with pytest.raises(Unsupported, match=f"CAP_{missing[0]}"):
        host.engine.start(container_id)


def test_a_custom_profile_decides_by_name_and_argument(host: Host) -> None:
    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}
    argument = {"index": 0, "value": 15, "op": "SCMP_CMP_EQ"}
    killing = {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "args": [argument | {"index": 1}]}
    profile = json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule, killing]})
    script = "mkdir /x 2>&1; kill -0 $$ && echo 0; kill -15 $$ 2>/dev/null || echo refused"
    _, output = host.finish("sh", "-c", script, seccomp=profile)
    lines = output.splitlines()
    assert "No space left on device" in lines[0]
    assert lines[1] == "0"
    assert lines[-1] == "refused"


def test_a_filter_that_knows_no_close_range_starts_as_fast_as_any(host: Host) -> None:
    """Older profiles do not; every number a descriptor might have would then be closed by a call of its own."""
    rule = {"names": ["close_range"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}
    container = host.start("sleep", "60", seccomp=json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    with host.engine.exec(container, ExecSpec(("true",))) as running:
        assert running.wait(10).exit_code == 0


def test_a_privileged_container_has_the_profile_it_asks_for(host: Host) -> None:
    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}
    profile = json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]})
    state, output = host.finish("mkdir", "/x", seccomp=profile, privileged=True)
    assert (state.exit_code, "Operation not permitted" in output) == (1, True)


def test_a_profile_that_no_program_could_start_behind_is_refused(host: Host) -> None:
    with pytest.raises(InvalidSpec, match="forbids execve") as told:
        host.create("true", seccomp='{"defaultAction": "SCMP_ACT_ERRNO"}')
    assert told.value.field == "seccomp"


def test_an_unconfined_container_has_no_filter(host: Host) -> None:
    assert status(host, seccomp="unconfined")["Seccomp"] == "0"


@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_a_filter_is_there_with_and_without_new_privileges(host: Host, no_new_privileges: bool) -> None:
    found = status(host, no_new_privileges=no_new_privileges, user="nobody")
    assert (found["Seccomp"], found["NoNewPrivs"]) == ("2", str(int(no_new_privileges)))


def test_an_init_reaps_what_its_program_leaves_behind(host: Host) -> None:
    script = "cat /proc/1/comm; (sleep 0.1 & exec true); sleep 0.5; ps -o stat,comm | grep -c '^Z' || true"
    state, output = host.finish("sh", "-c", f"{script}; exit 7", init=True)
    assert output.split()[0] in ("docker-init", "catatonit", "tini")
    assert output.split()[-1] == "0"
    assert state.exit_code == 7


def test_a_domain_name_and_settings_of_its_own_namespaces(host: Host) -> None:
    sysctls = {"net.ipv4.ip_unprivileged_port_start": "80", "kernel/shmmax": "65536", "fs.mqueue.msg_max": "5"}
    files = "/proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmax"
    _, output = host.finish("cat", *files.split(), domainname="harbour.example", sysctls=sysctls)
    assert output.split() == ["harbour.example", "80", "65536"]
    assert Path("/proc/sys/kernel/shmmax").read_text().strip() != "65536"


def test_a_setting_that_is_not_a_namespaces_is_refused(host: Host) -> None:
    for name in ("vm.swappiness", "kernel.hostname", "net/../vm/swappiness"):
        with pytest.raises(InvalidSpec, match="sysctls"):
            host.create("true", sysctls={name: "1"})


def test_a_setting_the_kernel_refuses_is_told(host: Host) -> None:
    for name, value in (("net.ipv4.ip_forward", "many"), ("net.ipv4.ip_sideward", "1")):
        container_id = host.create("true", sysctls={name: value})
        with pytest.raises(InvalidSpec) as told:
            host.engine.start(container_id)
        assert told.value.field == f"sysctls.{name}"


@pytest.mark.parametrize(("userns", "groups"), [("", "0\t65535\n"), ("host", "0\t2147483647\n")])
def test_in_a_network_of_its_own_any_user_listens_on_any_port_and_may_ping(
    host: Host, userns: str, groups: str
) -> None:
    script = "cat /proc/sys/net/ipv4/ping_group_range; nc -l -p 80 & sleep 0.2; kill $!"
    state, output = host.finish("sh", "-c", script, userns=userns, user="7")
    assert (state.exit_code, output) == (0, groups)
    _, output = host.finish(
        *("cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start"),
        sysctls={"net.ipv4.ip_unprivileged_port_start": "99"},
        userns=userns,
    )
    assert output == "99\n"


@pytest.mark.parametrize("userns", ["", "host"])
def test_a_domain_name_may_be_given_as_the_setting_it_is(host: Host, userns: str) -> None:
    script = ("cat", "/proc/sys/kernel/domainname")
    _, output = host.finish(*script, userns=userns, sysctls={"kernel.domainname": "harbour.example"})
    assert output == "harbour.example\n"


def test_deadlines_are_only_for_the_hosts_ids(host: Host) -> None:
    wanted = Scheduler("SCHED_DEADLINE", runtime=10**6, deadline=10**8, period=10**8)
    with pytest.raises(InvalidSpec, match="host's ids"):
        host.create("true", scheduler=wanted)


def test_scheduling_and_input_output_have_the_class_asked_for(host: Host) -> None:
    container_id = host.start(
        "sleep",
        "60",
        scheduler=Scheduler("SCHED_BATCH", nice=7),
        io_priority=IoPriority("IOPRIO_CLASS_IDLE", 3),
    )
    pid = host.engine.state(container_id).pid
    assert os.sched_getscheduler(pid) == os.SCHED_BATCH
    assert os.getpriority(os.PRIO_PROCESS, pid) == 7
    host.engine.kill(container_id)
    _, output = host.finish("ionice", io_priority=IoPriority("IOPRIO_CLASS_IDLE", 3))
    assert output.startswith("idle")


def test_a_terminal_has_the_size_asked_for(host: Host) -> None:
    _, output = host.finish("stty", "size", tty=True, terminal_size=ConsoleSize(50, 132))
    assert output.split() == ["50", "132"]
    _, output = host.finish("stty", "size", tty=True)
    assert output.split() == ["24", "80"]


def test_a_personality_tells_of_another_machine(host: Host) -> None:
    _, output = host.finish("uname", "-m", personality="linux32")
    assert output.strip() == {"x86_64": "i686", "aarch64": "armv8l"}[os.uname().machine]


def test_clocks_of_a_time_namespace_are_shifted(host: Host) -> None:
    script = "readlink /proc/self/ns/time; cut -d. -f1 /proc/uptime"
    _, output = host.finish("sh", "-c", script, time_offsets={"boottime": TimeOffset(1_000_000)})
    namespace, uptime = output.split()
    assert namespace != os.readlink("/proc/self/ns/time")
    assert 1_000_000 <= int(uptime) - float(Path("/proc/uptime").read_text().split()[0]) + 60 < 1_000_120


def test_a_container_has_a_session_keyring_of_its_own(host: Host) -> None:
    def keyrings() -> set[str]:
        _, output = host.finish("grep", "_ses:", "/proc/keys", privileged=True)
        return {line.split()[0] for line in output.splitlines()}

    earlier = keyrings()
    assert keyrings() - earlier


def test_annotations_are_in_the_bundle(host: Host) -> None:
    container_id = host.create("true", annotations={"org.example.team": "harbour"})
    assert host.engine.inspect(container_id)["config"]["annotations"] == {"org.example.team": "harbour"}


def test_a_container_made_before_a_field_was_known_is_still_the_same(host: Host) -> None:
    container_id = host.create("true")
    path = host.home / "containers" / container_id / "spec.json"
    spec = json.loads(path.read_text())
    del spec["umask"], spec["annotations"]
    path.write_text(json.dumps(spec))
    wait_until(lambda: host.engine.inspect(container_id)["spec"] == spec, "it is written")
    host.engine.start(container_id)
    assert host.wait(container_id).exit_code == 0
