"""The panel's images are what the host says it has."""

from typing import Any

import pytest

from panel.hosts.models import Host
from panel.images import records
from panel.images.models import Image


def told(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"sha256:{number:064x}",
        "references": [f"docker.io/library/i{number}:latest"],
        "created_at": "2026-01-01T00:00:00Z",
        "size_bytes": 1000 + number,
        "architecture": "amd64",
        "os": "linux",
        "labels": {"a": "nul\0"},
    } | changes


def test_the_list_is_mirrored(local: Host) -> None:
    records.mirror("local", [told(1), told(2)])
    records.mirror("local", [told(2, references=[]), told(3)])

    found = {image.image_id[-1]: image for image in Image.objects.all()}
    assert found.keys() == {"2", "3"}
    assert found["2"].references == []
    assert found["3"].config["labels"] == {"a": "nul\ufffd"}


def test_other_hosts_keep_theirs(local: Host) -> None:
    Host.objects.create(name="other")
    records.mirror("other", [told(1)])

    records.mirror("local", [])

    assert Image.objects.count() == 1


@pytest.mark.parametrize(
    "bad", [None, [], {}, told(9, id=7), told(9, references="x"), told(9, size_bytes="1"), told(9, id="x" * 99)]
)
def test_what_is_not_well_formed_is_left_aside(local: Host, bad: Any) -> None:
    records.mirror("local", [bad, told(1)])

    assert Image.objects.count() == 1


def test_a_time_that_is_none_is_no_time(local: Host) -> None:
    records.mirror("local", [told(1, created_at="2026-99-99T00:00:00Z"), told(2, created_at="2026-01-01T00:00:00")])

    assert [image.created_at for image in Image.objects.all()] == [None, None]


def test_a_list_that_changed_little_is_written_in_few_queries(local: Host, django_assert_max_num_queries: Any) -> None:
    records.mirror("local", [told(number) for number in range(300)])

    with django_assert_max_num_queries(5):
        records.mirror("local", [told(number, size_bytes=1000 + max(number, 2)) for number in range(300)])

    assert Image.objects.get(image_id=told(1)["id"]).size_bytes == 1002
