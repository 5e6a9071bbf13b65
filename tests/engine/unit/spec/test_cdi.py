"""CDI files and the names of their devices: what makes no sense is refused by field."""

from typing import Any

import pytest

from engine import ContainerSpec, InvalidSpec
from engine.spec import cdi

DEVICE: dict[str, Any] = {"name": "one", "containerEdits": {"env": ["A=b"]}}
FILE: dict[str, Any] = {"cdiVersion": "0.6.0", "kind": "vendor.com/class", "devices": [DEVICE]}


def edits(**how: Any) -> dict[str, Any]:
    return FILE | {"containerEdits": how}


def test_a_file_says_what_each_device_and_all_of_them_bring() -> None:
    found = cdi.parse(edits(deviceNodes=[{"path": "/dev/x", "hostPath": "/dev/null", "fileMode": 0o600}]))
    assert found.devices[0].container_edits.env == ("A=b",)
    assert found.container_edits.device_nodes == (cdi.DeviceNode("/dev/x", "/dev/null", file_mode=0o600),)


@pytest.mark.parametrize(
    ("field", "document"),
    [
        ("cdiVersion", FILE | {"cdiVersion": "2.0.0"}),
        ("cdiVersion", {name: value for name, value in FILE.items() if name != "cdiVersion"}),
        ("kind", FILE | {"kind": "class"}),
        ("devices", FILE | {"devices": []}),
        ("devices[0].name", FILE | {"devices": [DEVICE | {"name": "a b"}]}),
        ("devices[1].name", FILE | {"devices": [DEVICE, DEVICE]}),
        ("surprise", FILE | {"surprise": 1}),
        ("containerEdits.netDevices", edits(netDevices=[])),
        ("containerEdits.env[0]", edits(env=["A"])),
        ("containerEdits.deviceNodes[0].path", edits(deviceNodes=[{"path": "x"}])),
        ("containerEdits.deviceNodes[0].type", edits(deviceNodes=[{"path": "/dev/x", "type": "d"}])),
        ("containerEdits.deviceNodes[0].permissions", edits(deviceNodes=[{"path": "/dev/x", "permissions": "rx"}])),
        ("containerEdits.mounts[0].containerPath", edits(mounts=[{"hostPath": "/a", "containerPath": "/"}])),
        ("containerEdits.mounts[0].hostPath", edits(mounts=[{"hostPath": "", "containerPath": "/a"}])),
        ("containerEdits.hooks[0].hookName", edits(hooks=[{"hookName": "later", "path": "/bin/true"}])),
        ("containerEdits.hooks[0].path", edits(hooks=[{"hookName": "poststop", "path": "true"}])),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_by_field(field: str, document: Any) -> None:
    with pytest.raises(InvalidSpec) as caught:
        cdi.parse(document)
    assert caught.value.field == field


@pytest.mark.parametrize("names", [["gpu"], ["vendor.com=one"], ["vendor.com/gpu=-"], ["v/c=a", "v/c=a"]])
def test_a_name_that_is_none_or_there_twice_is_refused(names: list[str]) -> None:
    with pytest.raises(InvalidSpec) as caught:
        ContainerSpec.from_json({"name": "x", "image": "i", "cdi_devices": names})
    assert caught.value.field == f"cdi_devices[{len(names) - 1}]"


def test_graphics_processors_are_asked_for_as_with_docker() -> None:
    assert cdi.gpus("all") == (-1, ())
    assert cdi.gpus("2") == (2, ())
    assert cdi.gpus("device=0,GPU-1f") == (2, ("0", "GPU-1f"))
    for text in ("0", "-1", "some", "device=", "device=0,0", "all,capabilities=utility"):
        with pytest.raises(InvalidSpec, match="gpus"):
            cdi.gpus(text)
