"""Profiles and labels of the kernel's security modules."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from engine import ExecSpec, InvalidSpec, Unsupported
from engine.capabilities import probe
from engine.container import apparmor
from tests.services.host import Host

pytestmark = pytest.mark.v2
HAS_APPARMOR = probe().apparmor and shutil.which("apparmor_parser") is not None
PROFILE = """profile %s flags=(attach_disconnected, mediate_deleted) {
  file,
  capability,
  network,
  signal,
  deny /etc/group r,
}
"""


@pytest.fixture(scope="module")
def profile() -> Iterator[str]:
    """The name of a profile that is loaded for these tests: /etc/group cannot be read by what has it."""
    name = f"moorage-test-{os.getpid()}"
    text = (PROFILE % name).encode()
    subprocess.run(["apparmor_parser", "--add", "--skip-cache"], input=text, check=True)
    yield name
    subprocess.run(["apparmor_parser", "--remove"], input=text, check=True)


@pytest.mark.skipif(not HAS_APPARMOR, reason="needs a kernel with AppArmor, and apparmor_parser")
@pytest.mark.parametrize(("userns", "no_new_privileges"), [("", True), ("", False), ("host", True), ("host", False)])
def test_a_program_and_those_beside_it_have_the_profile(
    host: Host, profile: str, userns: str, no_new_privileges: bool
) -> None:
    script = "cat /proc/self/attr/current; cat /etc/group || exec sleep 60"
    confined = {"apparmor": profile, "userns": userns, "no_new_privileges": no_new_privileges}
    container = host.start("sh", "-c", script, **confined)
    host.wait_for_output(container, "Permission denied")
    assert host.output(container).startswith(f"{profile} (enforce)\n")
    for is_privileged, name in ((False, f"{profile} (enforce)"), (True, "unconfined")):
        spec = ExecSpec(("cat", "/proc/self/attr/current"), privileged=is_privileged)
        with host.engine.exec(container, spec) as running:
            assert running.wait(20).exit_code == 0
            assert running.stdout is not None
            assert os.read(running.stdout, 999).decode().strip("\n\0") == name


WAYS_OUT = {
    "a mount": "mount -t tmpfs none /srv",
    "a kernel setting": "echo 1 >/proc/sys/vm/drop_caches",
    "another kernel setting": "echo x >/proc/sys/kernel/core_pattern",
    "a file of the kernel": "echo 0 >/proc/irq/default_smp_affinity",
    "the system request key": "echo s >/proc/sysrq-trigger",
    "the kernel's memory": "head -c 1 /proc/kcore",
    "a kernel object": "echo 0 >/sys/kernel/profiling",
    "a file system's knobs": "echo 1 >/sys/fs/ext4/features/no",
}


@pytest.mark.skipif(not HAS_APPARMOR, reason="needs a kernel with AppArmor, and apparmor_parser")
@pytest.mark.parametrize("userns", ["", "host"])
def test_the_default_profile_closes_what_namespaces_leave_open(host: Host, userns: str) -> None:
    lines = [
        f"({way}) >/dev/null 2>/tmp/said; grep -qi 'denied' /tmp/said || echo {what}" for what, way in WAYS_OUT.items()
    ]
    works = "echo 1 >/proc/self/oom_score_adj; sleep 9 & kill $!; ls /sys >/dev/null"
    script = "; ".join(["cat /proc/self/attr/current", "mkdir /srv", *lines, works, "exec sleep 60"])
    opened = {"cap_add": ("ALL",), "seccomp": "unconfined", "masked_paths": (), "readonly_paths": (), "userns": userns}
    container = host.start("sh", "-c", f"{{ {script}; }} 2>&1", **opened)
    host.wait_for_output(container, "enforce")
    host.engine.stop(container, timeout_s=20)
    assert host.output(container) == "moorage-default (enforce)\n"


@pytest.mark.skipif(not HAS_APPARMOR, reason="needs a kernel with AppArmor, and apparmor_parser")
@pytest.mark.parametrize("without", [{"privileged": True}, {"apparmor": "unconfined"}])
def test_nothing_is_confined_that_was_not_to_be(host: Host, without: dict[str, object]) -> None:
    _, said = host.finish("cat", "/proc/self/attr/current", **without)
    assert said.strip() == "unconfined"


@pytest.mark.skipif(not HAS_APPARMOR, reason="needs a kernel with AppArmor, and apparmor_parser")
def test_a_container_says_that_its_profile_could_not_be_loaded(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    apparmor._load.cache_clear()
    monkeypatch.setenv("PATH", "/nowhere")
    state = host.engine.state(host.create("true"))
    assert "No AppArmor profile confines it: there is no apparmor_parser" in state.warnings[-1]


@pytest.mark.skipif(not HAS_APPARMOR, reason="needs a kernel with AppArmor, and apparmor_parser")
def test_a_profile_that_is_not_loaded_is_told(host: Host) -> None:
    container = host.create("true", apparmor="moorage-no-such-profile")
    with pytest.raises(InvalidSpec) as told:
        host.engine.start(container)
    assert told.value.field == "apparmor"


def test_unconfined_is_what_a_program_is_without_a_profile(host: Host) -> None:
    state, _ = host.finish("true", apparmor="unconfined")
    assert state.exit_code == 0


def test_a_profile_is_told_where_the_kernel_has_no_apparmor(host: Host) -> None:
    if probe().apparmor:
        pytest.skip("a kernel without AppArmor")
    with pytest.raises(Unsupported, match="no AppArmor"):
        host.start("true", apparmor="docker-default")


def test_a_label_is_passed_over_with_a_warning_where_the_kernel_has_no_selinux(host: Host) -> None:
    if probe().selinux:
        pytest.skip("a kernel without SELinux")
    label = "system_u:system_r:container_t:s0"
    state, _ = host.finish("true", selinux_label=label)
    assert state.warnings == (f"The label {label} is not set: this kernel has no SELinux.",)
