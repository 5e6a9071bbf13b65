"""A whole distribution as an image: thousands of files, links, modes and owners, and programs that use them."""

from pathlib import Path

import pytest

from tests.images import debian_tarball
from tests.services.host import Host

USER = "nobody:nogroup"


@pytest.fixture(scope="module")
def image(host: Host) -> str:
    """The root filesystem, imported."""
    with Path(debian_tarball()).open("rb") as tarball:
        host.engine.import_rootfs(tarball, reference="debian:test")
    return "debian:test"


@pytest.mark.timeout(900)  # the first time on a machine debootstrap makes it
def test_a_debian_root_runs_its_own_programs(host: Host, image: str) -> None:
    script = "cat /etc/debian_version; dpkg --verify && echo intact; perl -e 'print 6*7'; echo; stat -c %a /bin/su /tmp"
    state, output = host.finish("bash", "-c", script, image=image)
    version, *rest = output.splitlines()
    assert state.exit_code == 0
    assert version.startswith("12")
    assert rest == ["intact", "42", "4755", "1777"]


def test_its_users_are_known_by_name(host: Host, image: str) -> None:
    _, output = host.finish("id", image=image, user=USER)
    assert output == "uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n"
