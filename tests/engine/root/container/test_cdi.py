"""Devices by the names that the host's CDI files give them."""

import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from engine import ExecSpec, InvalidSpec, Status, Unsupported, Update
from engine.container import cdi_files
from tests.services.host import Host

KIND = "vendor.com/null"
FULL = 7  # the minor number of /dev/full
ZERO = 5


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first of two directories that are searched; the other is `run` beside it."""
    for name in ("etc", "run"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(cdi_files, "DIRECTORIES", (tmp_path / "etc", tmp_path / "run"))
    return tmp_path / "etc"


def node(path: Path, minor: int) -> Path:
    path.unlink(missing_ok=True)
    os.mknod(path, stat.S_IFCHR, os.makedev(1, minor))
    path.chmod(0o660)
    return path


def describe(path: Path, *names: str, kind: str = KIND, common: Any = None, **edits: Any) -> None:
    devices = [{"name": name, "containerEdits": edits or {"env": [f"HAS_{name.upper()}=1"]}} for name in names]
    document = {"cdiVersion": "0.6.0", "kind": kind, "devices": devices}
    path.write_text(json.dumps(document | ({"containerEdits": common} if common else {})))


@pytest.mark.v2
@pytest.mark.parametrize("userns", ["", "host"])
def test_a_device_brings_nodes_variables_mounts_and_groups(host: Host, etc: Path, userns: str) -> None:
    device = node(etc.parent / "device", FULL)
    (etc.parent / "library").write_text("shared\n")
    mount = {"hostPath": str(etc.parent / "library"), "containerPath": "/opt/lib/one", "options": ["rbind", "ro"]}
    describe(
        etc / "vendor.json",
        "one",
        common={"env": ["PATH=/opt:/bin"], "additionalGids": [4242]},
        deviceNodes=[{"path": "/dev/vendor/one", "hostPath": str(device), "permissions": "rw"}],
        mounts=[mount],
    )
    script = "exec 2>&1; cd /dev/vendor; stat -c '%t:%T %a' one; echo x > one; cat /opt/lib/one; echo $PATH; id -G"
    _, output = host.finish("sh", "-c", script, userns=userns, cdi_devices=(f"{KIND}=one",))
    number, full, *rest = output.splitlines()
    assert number == "1:7 660"
    assert "No space left" in full
    assert rest[:2] == ["shared", "/opt:/bin"]
    assert "4242" in rest[2].split()


def test_a_file_in_yaml_is_read_and_what_the_later_directory_says_counts(host: Host, etc: Path) -> None:
    describe(etc / "vendor.json", "one", env=["FROM=etc"])
    (etc.parent / "run" / "vendor.yaml").write_text(
        f"cdiVersion: 0.5.0\nkind: {KIND}\ndevices:\n- name: one\n  containerEdits:\n    env: [FROM=run]\n"
    )
    container = host.start("sh", "-c", "echo $FROM; sleep 60", cdi_devices=(f"{KIND}=one",))
    host.wait_for_output(container, "run")
    with host.engine.exec(container, ExecSpec(command=("sh", "-c", "test $FROM = run"))) as found:
        ended = found.wait(timeout_s=20)
    assert ended.exit_code == 0
    host.engine.remove(container, force=True)


def test_a_device_that_nothing_or_too_much_describes_is_refused_by_name(host: Host, etc: Path) -> None:
    (etc / "broken.json").write_text("{")
    with pytest.raises(InvalidSpec, match=rf"cdi_devices\[0\].*{etc} or .*run.*{KIND}=one") as caught:
        host.create("true", cdi_devices=(f"{KIND}=one",))
    assert "broken.json cannot be used" in caught.value.hint
    describe(etc / "a.json", "one")
    describe(etc / "b.json", "one", "two")
    with pytest.raises(InvalidSpec, match=r"a.json and .*b.json both describe"):
        host.create("true", cdi_devices=(f"{KIND}=one",))
    host.create("true", cdi_devices=(f"{KIND}=two",))


def test_files_and_nodes_are_looked_at_anew_at_each_start_and_limits_stay(host: Host, etc: Path) -> None:
    device = node(etc.parent / "device", FULL)
    describe(etc / "vendor.json", "one", deviceNodes=[{"path": "/dev/one", "hostPath": str(device)}])
    script = (
        "stat -c '%T' /dev/one; head -c 1 /dev/one | wc -c; cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max"
    )
    container = host.create("sh", "-c", script, cdi_devices=(f"{KIND}=one",))
    change = {"resources": {"pids": 77}, "device_cgroup_rules": ["c 189:* rwm"]}
    host.engine.update(container, Update.from_json(change))
    node(device, ZERO)
    host.engine.start(container)
    host.wait(container)
    assert [line for line in host.output(container).splitlines() if not line.startswith("cat:")] == ["5", "1", "77"]
    rules = host.engine.inspect(container)["config"]["linux"]["resources"]["devices"]
    assert [rule for rule in rules if rule.get("major") == 189]
    assert (rules[-1]["major"], rules[-1]["minor"]) == (1, ZERO)
    assert not [rule for rule in rules if rule.get("minor") == FULL and rule["access"] == "rwm"][1:]
    (etc / "vendor.json").unlink()
    with pytest.raises(InvalidSpec, match=f"describes a CDI device {KIND}=one"):
        host.engine.start(container)
    assert host.engine.state(container).status is Status.EXITED
    host.engine.remove(container)


def test_shares_of_caches_and_network_devices_are_refused(host: Host, etc: Path) -> None:
    describe(etc / "rdt.json", "cache", kind="vendor.com/rdt", intelRdt={"closID": "x"})
    with pytest.raises(Unsupported, match="intelRdt"):
        host.create("true", cdi_devices=("vendor.com/rdt=cache",))
    describe(etc / "net.json", "eth", kind="vendor.com/net", netDevices=[{"hostInterfaceName": "eth0", "name": "eth0"}])
    with pytest.raises(InvalidSpec) as caught:
        host.create("true", cdi_devices=("vendor.com/net=eth",))
    assert "netDevices" in f"{caught.value} {caught.value.hint}"


@pytest.mark.skipif(shutil.which("runc") is None, reason="runc is not installed")
def test_another_runtime_runs_hooks(host: Host, etc: Path) -> None:
    told = etc.parent / "told"
    hook = {"hookName": "createRuntime", "path": "/bin/sh", "args": ["sh", "-c", f"cat > {told}"]}
    describe(etc / "hook.json", "one", hooks=[hook])
    container = host.start("true", cdi_devices=(f"{KIND}=one",), runtime="runc")
    host.wait(container)
    assert json.loads(told.read_text())["id"] == container


def test_graphics_processors_are_devices_of_a_known_kind(host: Host, etc: Path) -> None:
    with pytest.raises(Unsupported, match=r"gpus: no file in .* describes devices of nvidia.com/gpu or amd.com/gpu"):
        host.create("true", gpus="all")
    describe(etc / "gpu.json", "0", "1", "all", kind="nvidia.com/gpu")
    outputs = [host.finish("env", gpus=asked)[1] for asked in ("all", "2", "device=1")]
    found = [sorted(line for line in output.splitlines() if line.startswith("HAS_")) for output in outputs]
    assert found == [["HAS_ALL=1"], ["HAS_0=1", "HAS_1=1"], ["HAS_1=1"]]
    with pytest.raises(Unsupported, match="does not have 3 devices"):
        host.create("true", gpus="3")
    with pytest.raises(InvalidSpec, match=r"nvidia.com/gpu=7"):
        host.create("true", gpus="device=7")
