"""Containers that try to get out."""

import io
from typing import Any

import pytest

from tests.images import docker_archive
from tests.images.attacks import attacks
from tests.services.host import Host

ATTACKS = "attacks:test"
OWN_IDS: dict[str, Any] = {"image": ATTACKS}
"""A container as most are: its root is nobody on the host."""
HOST_IDS: dict[str, Any] = OWN_IDS | {"userns": "host"}
"""Its root is the host's."""
ALL_RIGHTS: dict[str, Any] = OWN_IDS | {"cap_add": ("ALL",), "seccomp": "unconfined", "no_new_privileges": False}
"""In a user namespace of its own, but with everything that a user could be talked into granting."""


@pytest.fixture(scope="module")
def attacked(host: Host) -> Host:
    """The host, with the image that holds what is tried against it."""
    host.engine.load_image(io.BytesIO(docker_archive(attacks(ATTACKS))))
    return host
