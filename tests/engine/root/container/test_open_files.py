"""How many files launcher and programs may have open where the host has since lowered what it allows (fs.nr_open)."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.host import Host

NR_OPEN = Path("/proc/sys/fs/nr_open")
STEP = 64  # the kernel rounds to whole words of bits

pytestmark = pytest.mark.v2


@pytest.fixture
def lowered(host: Host) -> Iterator[int]:
    """What the host allows while the test runs: a little less than the hard limit that the launcher was given."""
    if not os.access(NR_OPEN, os.W_OK):
        pytest.skip("changing fs.nr_open")
    usual, before = int(NR_OPEN.read_text()), resource.getrlimit(resource.RLIMIT_NOFILE)
    try:  # so that nobody else on this machine has more than will be allowed
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[0], usual))
    except ValueError:
        pytest.skip("raising a hard limit")
    try:
        NR_OPEN.write_text(str(usual - STEP))
        host.restart_launcher()
        yield usual - STEP
    finally:
        NR_OPEN.write_text(str(usual))
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        host.restart_launcher()


def test_a_hard_limit_above_what_the_host_allows_by_now_keeps_no_launcher_from_starting(
    host: Host, lowered: int
) -> None:
    assert resource.prlimit(host.launcher.pid, resource.RLIMIT_NOFILE) == (lowered, lowered)
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    _, output = host.finish("sh", "-c", "ulimit -Sn; ulimit -Hn")
    assert output == f"{soft}\n{lowered}\n"
