"""An image is found by how people write its name."""

import pytest

from panel.hosts.models import Host
from panel.images.models import Image
from panel.images.references import find

ID = "sha256:" + "ab12" * 16
OTHER = "sha256:" + "ab99" * 16
KNOWN = {"digests": [f"docker.io/someone/tool@{ID}"]}


@pytest.fixture(autouse=True)
def images(local: Host) -> None:
    """Two images whose ids begin alike."""
    references = ["docker.io/library/busybox:latest", "registry.example.org:5000/team/app:1.0"]
    Image.objects.create(host=local, image_id=ID, references=references)
    Image.objects.create(host=local, image_id=OTHER, references=["docker.io/someone/tool:latest"], config=KNOWN)


@pytest.mark.parametrize(
    ("name", "image_id"),
    [
        ("busybox", ID),
        ("busybox:latest", ID),
        ("library/busybox", ID),
        ("docker.io/library/busybox", ID),
        ("registry.example.org:5000/team/app:1.0", ID),
        ("someone/tool", OTHER),
        (f"someone/tool@{ID}", OTHER),
        (f"someone/tool@{OTHER}", None),
        (ID, ID),
        (ID[7:], ID),
        ("ab12ab", ID),
        ("sha256:ab99", OTHER),
        ("busybox:1", None),
        ("registry.example.org:5000/team/app", None),
        ("app:1.0", None),
        ("ab1", None),  # too short to be meant as an id
        ("ab", None),
        ("", None),
        ("../../x", None),
    ],
)
def test_a_name_means(local: Host, name: str, image_id: str | None) -> None:
    found = find(local, name)

    assert (found.image_id if found else None) == image_id


def test_the_beginning_of_two_ids_means_none(local: Host) -> None:
    Image.objects.create(host=local, image_id="sha256:" + "ab12" * 15 + "0000", references=[])

    assert find(local, "ab12ab12") is None


def test_another_hosts_image_is_not_meant(local: Host) -> None:
    other = Host.objects.create(name="other")

    assert find(other, "busybox") is None
