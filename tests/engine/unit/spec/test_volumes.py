"""What may be asked of a volume."""

import pytest

from engine.errors import InvalidSpec
from engine.spec.volumes import VolumeSpec, kind_of, reaches_host

WRONG = [
    ({"options": {"colour": "red"}}, "options.colour"),
    ({"options": {"type": "proc"}}, "options.type"),
    ({"options": {"type": "overlay", "device": "overlay"}}, "options.type"),
    ({"options": {"device": "/etc"}}, "options.device"),
    ({"options": {"o": "ro"}}, "options.o"),
    ({"options": {"o": "bind", "device": "etc"}}, "options.device"),
    ({"options": {"o": "bind,size=3", "device": "/etc"}}, "options.o"),
    ({"options": {"o": "bind,remount", "device": "/etc"}}, "options.o"),
    ({"options": {"type": "ext4", "device": "sda"}}, "options.device"),
    ({"options": {"type": "tmpfs", "o": "lowerdir=/x"}}, "options.o[0]"),
    ({"options": {"type": "tmpfs", "o": "size=much"}}, "options.o[0]"),
    ({"options": {"type": "nfs", "device": ":/x"}}, "options.o"),
    ({"options": {"type": "nfs", "o": "addr=a"}}, "options.device"),
    ({"options": {"type": "cifs", "o": "username=u,password=p", "device": "//a/b"}}, "options.o"),
    ({"options": {"size": "lots"}}, "options.size"),
    ({"options": {"size": "10"}}, "options.size"),
    ({"options": {"size": "10M"}, "size_bytes": 1 << 24}, "size_bytes"),
    ({"options": {"type": "tmpfs"}, "size_bytes": 1 << 24}, "size_bytes"),
    ({"size_bytes": 0}, "size_bytes"),
    ({"uid": -1}, "uid"),
    ({"gid": 1 << 32}, "gid"),
    ({"mode": 0o10000}, "mode"),
    ({"driver": "local"}, "driver"),
]


@pytest.mark.parametrize(("asked", "field"), WRONG)
def test_what_makes_no_sense_is_refused_by_its_name(asked: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        VolumeSpec.from_json(asked)
    assert refused.value.field == field


def test_sizes_are_said_in_dockers_words() -> None:
    assert VolumeSpec(options={"size": "10G"}).limit_bytes == 10 << 30
    assert VolumeSpec(options={"size": "512kb"}).limit_bytes == 512 << 10
    assert VolumeSpec().limit_bytes is None


@pytest.mark.parametrize(
    ("options", "kind", "is_trusted"),
    [
        ({}, "", False),
        ({"size": "1G"}, "", False),
        ({"type": "tmpfs", "device": "tmpfs"}, "tmpfs", False),
        ({"type": "none", "o": "rbind,ro", "device": "/srv"}, "bind", True),
        ({"type": "ext4", "o": "bind", "device": "/srv"}, "bind", True),
        ({"type": "nfs", "o": "addr=a", "device": ":/x"}, "nfs", True),
        ({"type": "ext4", "device": "/dev/sda"}, "ext4", True),
    ],
)
def test_what_shows_more_of_the_host_is_known(options: dict[str, str], kind: str, is_trusted: bool) -> None:
    assert (kind_of(options), reaches_host(options)) == (kind, is_trusted)
