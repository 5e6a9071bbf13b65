"""How much a container's writable layer may take, kept by project quotas of the file system below."""

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Unsupported
from engine.sys import project_quota
from tests.images import busybox, docker_archive
from tests.services.disks import mounted
from tests.services.host import Host, running_host

MKFS = {"ext4": ["-q", "-F", "-O", "quota,project", "-E", "quotatype=prjquota"], "xfs": ["-q", "-f"]}


@pytest.fixture(params=MKFS)
def limiting_host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """A host whose state is on a file system with project quotas."""
    kind = request.param
    with mounted(tmp_path, kind, *MKFS[kind], options="loop,prjquota") as at, running_host(str(at)) as host:
        host.engine.load_image(io.BytesIO(docker_archive(busybox("busybox:test"))))
        yield host


@pytest.mark.v2
def test_a_container_fills_its_own_share_and_no_more(limiting_host: Host) -> None:
    host = limiting_host
    script = "exec 2>&1; dd if=/dev/zero of=/big bs=1M count=16; rm /big; dd if=/dev/zero of=/small bs=1M count=4"
    container = host.start("sh", "-c", script, storage_bytes=8 << 20)
    host.wait(container)
    output = host.output(container)
    assert "/big': No space left on device" in output or "/big': Disk quota exceeded" in output
    assert output.count("exceeded") + output.count("No space") == 1
    state, output = host.finish("dd", "if=/dev/zero", "of=/big", "bs=1M", "count=16")
    assert state.exit_code == 0, output


@pytest.mark.v2
def test_a_limit_goes_with_its_container(limiting_host: Host) -> None:
    host = limiting_host
    container = host.create("true", storage_bytes=8 << 20)
    upper, home = (os.open(path, os.O_RDONLY) for path in (host.home / "containers" / container / "upper", host.home))
    project = project_quota.project_of(upper)
    assert project_quota.limit_of(upper, project)[0] == 8 << 20
    host.engine.remove(container)
    assert project_quota.limit_of(home, project)[0] == 0
    os.close(upper)
    os.close(home)


def test_where_the_file_system_has_no_project_quotas_a_limit_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path], check=True)
    try:
        with running_host(str(tmp_path)) as host:
            host.engine.load_image(io.BytesIO(docker_archive(busybox("busybox:test"))))
            with pytest.raises(Unsupported, match="keeps no project quotas, so the size of a container cannot be"):
                host.create("true", storage_bytes=8 << 20)
            assert host.engine.states() == []
    finally:
        subprocess.run(["umount", tmp_path], check=True)
