"""Devices of the host that a container is given, and those it may open besides."""

import os
from pathlib import Path

import pytest

from engine import Device, InvalidSpec
from tests.services.host import Host

pytestmark = pytest.mark.v2


OPEN = "exec 2>&1; (: < {0}) && echo can-read; (: >> {0}) && echo can-write; true"
KMSG = os.stat("/dev/kmsg").st_rdev


def test_a_device_of_the_host_is_there_under_the_name_asked_for_and_can_be_used(host: Host) -> None:
    given = Device("/dev/kmsg", "/dev/deep/log", "w")
    _, output = host.finish(
        "sh", "-c", "stat -c '%t %T' /dev/deep/log;" + OPEN.format("/dev/deep/log"), devices=(given,)
    )
    lines = output.splitlines()
    assert lines[0] == f"{os.major(KMSG):x} {os.minor(KMSG):x}"
    assert output.count("Operation not permitted") == 1
    assert lines[-1] == "can-write"


@pytest.mark.parametrize(("rules", "refused"), [((), 2), ((f"c {os.major(KMSG)}:{os.minor(KMSG)} w",), 1)])
def test_a_device_that_was_not_given_is_opened_only_as_a_rule_allows(
    host: Host, rules: tuple[str, ...], refused: int
) -> None:
    container = host.create("sh", "-c", OPEN.format("/kmsg"), device_cgroup_rules=rules)
    os.mknod(host.home / "containers" / container / "upper" / "kmsg", 0o020666, KMSG)
    host.engine.start(container)
    host.wait(container)
    assert host.output(container).count("Operation not permitted") == refused


def test_a_folder_of_devices_gives_all_that_are_in_it(host: Host, tmp_path: Path) -> None:
    (tmp_path / "within").mkdir()
    for name, minor in (("one", 3), ("within/two", 5)):
        os.mknod(tmp_path / name, 0o020644, os.makedev(1, minor))
    (tmp_path / "file").touch()
    _, output = host.finish("find", "/dev/all", "-type", "c", devices=(Device(str(tmp_path), "/dev/all"),))
    assert sorted(output.split()) == ["/dev/all/one", "/dev/all/within/two"]


def test_a_device_keeps_its_owner_and_mode(host: Host, tmp_path: Path) -> None:
    os.mknod(tmp_path / "node", 0o020000, os.makedev(1, 3))
    os.chmod(tmp_path / "node", 0o640)
    os.chown(tmp_path / "node", 7, 8)
    _, output = host.finish(
        "stat", "-c", "%a %u %g", "/dev/node", devices=(Device(str(tmp_path / "node"), "/dev/node"),)
    )
    assert output.strip() == "640 7 8"


@pytest.mark.parametrize("path", ["/dev/no-such-device", "/etc/passwd", "/etc"])
def test_what_is_not_a_device_of_this_host_is_refused_by_name(host: Host, path: str) -> None:
    with pytest.raises(InvalidSpec, match=r"devices\[0\].host_path: /"):
        host.create("true", devices=(Device(path),))


@pytest.mark.parametrize("userns", ["", "host"])
def test_a_device_is_open_to_those_whom_the_host_lets_open_it(host: Host, tmp_path: Path, userns: str) -> None:
    os.mknod(tmp_path / "node", 0o020000, os.makedev(1, 3))
    (tmp_path / "node").chmod(0o666)
    given = Device(str(tmp_path / "node"), "/dev/given")
    _, output = host.finish("stat", "-c", "%a", "/dev/given", devices=(given,), userns=userns)
    assert output == "666\n"
