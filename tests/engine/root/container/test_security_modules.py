"""Profiles and labels of the kernel's security modules."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from engine import ExecSpec, InvalidSpec, Unsupported
from engine.capabilities import probe
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
