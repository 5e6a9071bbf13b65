"""A host whose network is its own, with a machine outside."""

import io
from collections.abc import Iterator

import pytest

from tests.images import busybox, docker_archive
from tests.services.host import Host, running_host
from tests.services.networks import Outside, own_network


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    """The machine at the other end of the host's uplink; the test itself is on the host."""
    with own_network() as there:
        yield there


@pytest.fixture(scope="module")
def host(outside: Outside) -> Iterator[Host]:
    """A host in that network, with the image `busybox:test`."""
    with running_host() as running:
        running.engine.load_image(io.BytesIO(docker_archive(busybox("busybox:test"))))
        yield running
