"""Hooks run in every phase, in order, where the specification says, and what fails has the effect it says."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.services.bundles import OciRuntime
from tests.services.processes import wait_until

pytestmark = pytest.mark.v2

PHASES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def hook(script: str, *, path: str = "/bin/sh", **more: Any) -> dict[str, Any]:
    return {"path": path, "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"], **more}


def telling(phase: str, file: Path) -> dict[str, Any]:
    """A hook that writes its phase, its mount namespace and the state it was given as one line."""
    return hook(f"echo {phase} $(readlink /proc/self/ns/mnt) $(cat) >> {file}")


def test_every_phase_has_its_turn_its_place_and_the_containers_state(oci: OciRuntime) -> None:
    file = Path(oci.folder, "told")
    hooks = {phase: [telling(phase, file)] for phase in PHASES}
    hooks["startContainer"] = [telling("startContainer", Path("/told")) | {"path": "/bin/busybox"}]
    bundle = oci.bundle("sh", "-c", "echo program; sleep 60", hooks=hooks)
    container_id = oci.create(bundle)
    lines = [line.split(" ", 2) for line in file.read_text().splitlines()]
    assert [phase for phase, _, _ in lines] == ["prestart", "createRuntime", "createContainer"]
    host, inside = os.readlink("/proc/self/ns/mnt"), os.readlink(f"/proc/{oci.state(container_id)['pid']}/ns/mnt")
    assert [namespace for _, namespace, _ in lines] == [host, host, inside]
    states = [json.loads(state) for _, _, state in lines]
    assert {(one["id"], one["status"], one["bundle"]) for one in states} == {(container_id, "creating", str(bundle))}
    assert [one["pid"] for one in states] == [oci.state(container_id)["pid"]] * 2 + [1]
    assert (bundle / "output").read_text() == ""

    oci.call("start", container_id, check=True)
    wait_until(lambda: "program" in (bundle / "output").read_text(), "the program runs")
    phase, namespace, state = (oci.folder / "rootfs/told").read_text().split(" ", 2)
    assert (phase, namespace, json.loads(state)["status"]) == ("startContainer", inside, "created")
    phase, namespace, state = file.read_text().splitlines()[3].split(" ", 2)
    assert (phase, namespace, json.loads(state)["status"]) == ("poststart", host, "running")

    oci.call("delete", "--force", container_id, check=True)
    phase, namespace, state = file.read_text().splitlines()[4].split(" ", 2)
    assert (phase, namespace, json.loads(state)["status"]) == ("poststop", host, "stopped")


def test_what_a_hook_mounts_at_the_root_is_in_the_container(oci: OciRuntime) -> None:
    root = oci.folder / "rootfs"
    script = f"mount -t tmpfs given {root}/var && echo from outside > {root}/var/word && ls {root}/proc/self >/dev/null"
    bundle = oci.bundle("cat", "/var/word", hooks={"createContainer": [hook(script)]})
    container_id = oci.start(bundle)
    oci.await_status(container_id, "stopped")
    assert (bundle / "output").read_text() == "from outside\n"
    assert not (root / "var/word").exists()


def test_an_environment_is_the_hooks_own_and_several_run_in_order(oci: OciRuntime) -> None:
    file = oci.folder / "order"
    script = f"echo $A $HOME. >> {file}"
    listed = [hook(script, env=["PATH=/bin", f"A={letter}"]) for letter in "bc"]
    container_id = oci.create(oci.bundle("true", hooks={"createRuntime": listed}))
    assert file.read_text().split() == ["b", ".", "c", "."]
    oci.call("delete", container_id, check=True)


@pytest.mark.parametrize("phase", ["prestart", "createRuntime", "createContainer"])
def test_a_hook_that_fails_before_the_container_is_there_undoes_it(oci: OciRuntime, phase: str) -> None:
    file = oci.folder / f"stopped-{phase}"
    failing = hook("echo because >&2; exit 3")
    bundle = oci.bundle("true", hooks={phase: [failing, hook(f"touch {file}")], "poststop": [hook(f"cat > {file}")]})
    states = set(os.listdir(oci.folder / "states"))
    with pytest.raises(RuntimeError, match=f"{phase} hook #0.*exit status 3.*because"):
        oci.create(bundle)
    assert json.loads(file.read_text())["status"] == "stopped"
    assert set(os.listdir(oci.folder / "states")) == states


def test_a_hook_that_fails_at_start_keeps_the_program_from_running(oci: OciRuntime) -> None:
    bundle = oci.bundle("echo", "ran", hooks={"startContainer": [hook("exit 1", path="/bin/busybox")]})
    container_id = oci.create(bundle)
    assert "startContainer hook #0" in oci.call("start", container_id).stderr
    oci.await_status(container_id, "stopped")
    assert (bundle / "output").read_text() == ""
    oci.call("delete", container_id, check=True)


def test_a_hook_that_fails_after_the_start_stops_the_container(oci: OciRuntime) -> None:
    container_id = oci.create(oci.bundle("sleep", "60", hooks={"poststart": [hook("exit 1")]}))
    assert "poststart hook #0" in oci.call("start", container_id).stderr
    oci.await_status(container_id, "stopped")
    oci.call("delete", container_id, check=True)


def test_a_hook_that_fails_after_the_end_is_told_and_the_next_runs(oci: OciRuntime) -> None:
    file = oci.folder / "last"
    container_id = oci.create(oci.bundle("true", hooks={"poststop": [hook("exit 1"), hook(f"touch {file}")]}))
    ended = oci.call("delete", container_id, check=True)
    assert "level=warning" in ended.stderr
    assert "poststop hook #0" in ended.stderr
    assert file.exists()


def test_a_hook_that_takes_too_long_is_killed(oci: OciRuntime) -> None:
    with pytest.raises(RuntimeError, match="longer than 1 s"):
        oci.create(oci.bundle("true", hooks={"prestart": [hook("sleep 60", timeout=1)]}))
    with pytest.raises(RuntimeError, match="cannot be run"):
        oci.create(oci.bundle("true", hooks={"prestart": [hook("", path="/nosuch")]}))
