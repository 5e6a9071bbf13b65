"""A container's life by the command line, as runtime.md of the runtime specification wants it."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.bundles import CHECKOUT, OciRuntime
from tests.services.processes import wait_until

pytestmark = pytest.mark.v2


def refused(oci: OciRuntime, *arguments: str | Path) -> str:
    """What it says when it refuses."""
    ended = oci.call(*arguments)
    assert ended.returncode == 1
    return ended.stderr


def test_a_created_container_has_not_run_its_program(oci: OciRuntime) -> None:
    bundle = oci.bundle("echo", "it ran", annotations={"org.example": "x"})
    container_id = oci.create(bundle, "--pid-file", bundle / "pid")
    state = oci.state(container_id)
    assert {key: state[key] for key in ("ociVersion", "id", "status", "bundle", "annotations")} == {
        "ociVersion": "1.2.0",
        "id": container_id,
        "status": "created",
        "bundle": str(bundle),
        "annotations": {"org.example": "x"},
    }
    assert state["pid"] == int((bundle / "pid").read_text())
    assert (bundle / "output").read_text() == ""
    oci.call("start", container_id, check=True)
    state = oci.await_status(container_id, "stopped")
    assert state["pid"] == 0
    assert (bundle / "output").read_text() == "it ran\n"
    oci.call("delete", container_id, check=True)
    assert "does not exist" in refused(oci, "state", container_id)


def test_a_change_of_the_bundle_after_create_changes_nothing(oci: OciRuntime) -> None:
    bundle = oci.bundle("echo", "as it was")
    container_id = oci.create(bundle)
    (bundle / "config.json").write_text("{}")
    oci.call("start", container_id, check=True)
    oci.await_status(container_id, "stopped")
    assert (bundle / "output").read_text() == "as it was\n"


def test_what_does_not_fit_a_containers_state_is_refused_and_changes_nothing(oci: OciRuntime) -> None:
    bundle = oci.bundle("sleep", "60")
    container_id = oci.start(bundle)
    assert "already" in refused(oci, "create", "--bundle", bundle, container_id)
    assert "running" in refused(oci, "start", container_id)
    assert "not stopped" in refused(oci, "delete", container_id)
    assert "not paused" in refused(oci, "resume", container_id)
    assert oci.state(container_id)["status"] == "running"
    oci.call("kill", container_id, "KILL", check=True)
    oci.await_status(container_id, "stopped")
    assert "not running" in refused(oci, "kill", container_id, "TERM")
    assert "stopped" in refused(oci, "start", container_id)
    assert "not running" in refused(oci, "pause", container_id)
    oci.call("delete", container_id, check=True)
    for command in ("start", "state", "kill", "delete", "pause", "resume", "exec", "ps"):
        assert "does not exist" in oci.call(command, container_id).stderr


def test_a_container_that_was_never_started_can_be_deleted(oci: OciRuntime) -> None:
    container_id = oci.create(oci.bundle("true"))
    pid = oci.state(container_id)["pid"]
    oci.call("delete", container_id, check=True)
    wait_until(lambda: not Path(f"/proc/{pid}/ns/mnt").exists(), "its process is gone")


def test_nothing_is_left_of_a_create_that_failed(oci: OciRuntime) -> None:
    bundle = oci.bundle("true", process__cwd="/bin/sh")
    before = set(os.listdir(oci.folder / "states"))
    with pytest.raises(RuntimeError, match="/bin/sh"):
        oci.create(bundle)
    assert set(os.listdir(oci.folder / "states")) == before


def test_a_program_that_is_not_there_is_told_by_create_one_that_cannot_run_by_start(oci: OciRuntime) -> None:
    with pytest.raises(RuntimeError, match=r"executable file not found in \$PATH"):
        oci.create(oci.bundle("nosuch"))
    container_id = oci.create(oci.bundle("/etc/passwd"))
    assert "permission denied" in refused(oci, "start", container_id)
    oci.await_status(container_id, "stopped")
    oci.call("delete", container_id, check=True)


def test_a_signal_goes_to_the_first_process_or_to_all(oci: OciRuntime) -> None:
    script = "trap 'echo usr1' USR1; sleep 60 & while ! wait; do :; done"
    bundle = oci.bundle("sh", "-c", script)
    container_id = oci.start(bundle)
    pids = json.loads(oci.call("ps", "--format", "json", container_id, check=True).stdout)
    assert oci.state(container_id)["pid"] in pids
    oci.call("kill", container_id, "SIGUSR1", check=True)
    wait_until(lambda: (bundle / "output").read_text() == "usr1\n", "it has got the signal")
    oci.call("kill", container_id, "0", check=True)
    assert oci.state(container_id)["status"] == "running"
    oci.call("kill", container_id, "9", "--all", check=True)
    oci.await_status(container_id, "stopped")
    assert "is not a signal" in refused(oci, "kill", container_id, "HUMP")


def test_a_paused_container_stands_still(oci: OciRuntime) -> None:
    container_id = oci.start(oci.bundle("sleep", "60"))
    oci.call("pause", container_id, check=True)
    assert oci.state(container_id)["status"] == "paused"
    assert "paused" in oci.call("exec", container_id, "true").stderr
    oci.call("resume", container_id, check=True)
    assert oci.state(container_id)["status"] == "running"
    oci.call("pause", container_id, check=True)
    oci.call("delete", "--force", container_id, check=True)


def test_run_gives_the_programs_output_and_exit_code(oci: OciRuntime) -> None:
    ended = oci.run("sh", "-c", "echo out; echo err >&2; exit 7")
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "out\n", "err\n")
    left = oci.call("list", "--format", "json", check=True)
    assert not [one for one in json.loads(left.stdout) if one["id"].startswith("r-")]


def test_the_process_belongs_to_the_callers_subreaper(oci: OciRuntime) -> None:
    bundle = oci.bundle("sh", "-c", "exit 3")
    code = (
        "import ctypes, os, subprocess, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0);"
        "base = sys.argv[1:6]; subprocess.run([*base, 'create', '--bundle', sys.argv[6], 'reaped'], check=True);"
        "subprocess.run([*base, 'start', 'reaped'], check=True); print(os.waitstatus_to_exitcode(os.wait()[1]))"
    )
    line = [sys.executable, "-c", code, *oci.command, str(bundle)]
    ended = subprocess.run(line, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "3\n"
    oci.call("delete", "reaped", check=True)


def test_more_programs_are_run_beside_the_first(oci: OciRuntime, tmp_path: Path) -> None:
    container_id = oci.start(oci.bundle("sleep", "60"))
    ended = oci.call(
        "exec", "--env", "A=b", "--cwd", "/tmp", container_id, "sh", "-c", "pwd; echo $A; cat; exit 4", stdin="in"
    )
    assert (ended.returncode, ended.stdout) == (4, "/tmp\nb\nin")
    assert oci.call("exec", container_id, "ls", "-1", "/proc/self/fd", check=True).stdout.split() == list("0123")
    for asked, given in (("1", "given"), ("0", "")):
        line = [*oci.command, "exec", "--preserve-fds", asked, container_id, "sh", "-c", "cat <&3"]
        shell = ["sh", "-c", 'echo given > "$0"; exec "$@" 3<"$0"', str(tmp_path / "third"), *line]
        passed = subprocess.run(shell, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=CHECKOUT, check=False)
        assert passed.stdout.decode().strip() == given
    assert oci.call("exec", "--user", "5:6", container_id, "id", check=True).stdout == "uid=5 gid=6\n"
    user = {"uid": 7, "gid": 8, "umask": 0o77, "additionalGids": [9]}
    script = "umask; id -G; sleep 0.3; grep Cpus_allowed_list /proc/self/status | cut -f2"
    process = {"args": ["sh", "-c", script], "cwd": "/", "env": ["PATH=/bin"], "user": user}
    process["execCPUAffinity"] = {"initial": "0", "final": "0"}
    (tmp_path / "process.json").write_text(json.dumps(process))
    ended = oci.call("exec", "--process", tmp_path / "process.json", container_id, check=True)
    assert ended.stdout.split() == ["0077", "8", "9", "0"]
    oci.call("exec", "--detach", "--pid-file", tmp_path / "pid", container_id, *_quiet("sleep 60"), check=True)
    assert int((tmp_path / "pid").read_text()) in json.loads(oci.call("ps", "-f", "json", container_id).stdout)
    assert "executable file not found" in oci.call("exec", container_id, "nosuch").stderr
    oci.call("delete", "--force", container_id, check=True)


def _quiet(script: str) -> tuple[str, ...]:
    """The script as a program that does not keep the caller's pipes open."""
    return ("sh", "-c", f"exec {script} >/dev/null 2>&1")


def test_limits_are_changed_while_it_runs(oci: OciRuntime) -> None:
    memory = {"memory": {"limit": 64 << 20}, "pids": {"limit": 50}}
    container_id = oci.start(oci.bundle("sleep", "60", linux__resources=memory))
    pid = oci.state(container_id)["pid"]
    oci.call("update", "--memory", str(32 << 20), "--pids-limit", "20", container_id, check=True)
    oci.call("update", "--resources", "-", container_id, stdin='{"cpu": {"shares": 512}}', check=True)
    assert {path.read_text() for path in _limits(pid, "pids.max")} == {"20\n"}
    assert {path.read_text() for path in _limits(pid, "memory.limit_in_bytes", "memory.max")} == {f"{32 << 20}\n"}
    assert "cpu.shares" in refused(oci, "update", "--cpu-share", "-5", container_id)


def test_what_it_uses_is_told_once_or_again_and_again(oci: OciRuntime) -> None:
    limits = {"memory": {"limit": 64 << 20}, "pids": {"limit": 50}}
    container_id = oci.start(oci.bundle("sleep", "600", linux__resources=limits))
    event = json.loads(oci.call("events", "--stats", container_id, check=True).stdout)
    assert (event["type"], event["id"]) == ("stats", container_id)
    assert event["data"]["pids"] == {"current": 1, "limit": 50}
    assert event["data"]["memory"]["usage"]["limit"] == 64 << 20
    assert event["data"]["cpu"]["usage"]["total"] > 0
    again = [*oci.command, "events", "--interval", "100ms", container_id]
    with subprocess.Popen(again, stdout=subprocess.PIPE, cwd=CHECKOUT) as running:
        assert running.stdout is not None
        assert all(json.loads(running.stdout.readline())["type"] == "stats" for _ in range(2))
        oci.call("kill", container_id, "KILL", check=True)
        running.communicate(timeout=60)
        assert running.returncode == 0
    assert "not running" in refused(oci, "events", container_id)
    assert "--interval" in refused(oci, "events", "--interval", "soon", container_id)


def _limits(pid: int, *names: str) -> list[Path]:
    found = []
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, at = line.split(":", 2)
        for root in (f"/sys/fs/cgroup/{controllers}", "/sys/fs/cgroup"):
            found += [path for name in names if (path := Path(f"{root}{at}", name)).exists()]
    return found


def test_errors_are_lines_of_json_for_callers_that_want_them(oci: OciRuntime, tmp_path: Path) -> None:
    log = tmp_path / "log"
    oci.call("state", "nosuch", options=("--log", str(log), "--log-format", "json"))
    line = json.loads(log.read_text())
    assert (line["level"], line["msg"]) == ("error", "container nosuch does not exist")
    assert line["time"].endswith("Z")
    assert "/nosuch" in oci.call("state", "nosuch", options=("--log", "/nosuch/log")).stderr


def test_what_a_killed_create_left_is_taken_away_by_force(oci: OciRuntime) -> None:
    hook = {"path": "/bin/sh", "args": ["sh", "-c", "kill -9 $PPID; sleep 0.2"]}
    with pytest.raises(RuntimeError):
        oci.create(oci.bundle("true", hooks={"createRuntime": [hook]}))
    left = [one for one in json.loads(oci.call("list", "--format", "json").stdout) if one["status"] == "creating"]
    assert len(left) == 1
    container_id = left[0]["id"]
    assert "not stopped" in refused(oci, "delete", container_id)
    assert "creating" in refused(oci, "start", container_id)
    oci.call("delete", "--force", container_id, check=True)
    assert not list(Path("/sys/fs/cgroup").glob(f"**/{container_id}"))


def test_a_start_that_was_killed_can_be_repeated_or_has_worked(oci: OciRuntime) -> None:
    container_id = oci.create(oci.bundle("sleep", "60"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as starter:  # one that dies before it says what it wants
        starter.connect(str(oci.folder / "states" / container_id / "start.sock"))
    assert oci.state(container_id)["status"] == "created"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as starter:  # and one after that
        starter.connect(str(oci.folder / "states" / container_id / "start.sock"))
        starter.send(b"start")
    oci.await_status(container_id, "running")
    assert "running" in refused(oci, "start", container_id)
    oci.call("delete", "--force", container_id, check=True)


def test_what_is_not_offered_is_refused_clearly(oci: OciRuntime) -> None:
    assert "cgroupfs" in oci.call("state", "x", options=("--systemd-cgroup",)).stderr
    assert "id" in refused(oci, "create", "--bundle", oci.bundle("true"), "a/b")
    assert "--fly" in refused(oci, "delete", "x", "--fly")
    features = json.loads(oci.call("features", check=True).stdout)
    assert features["hooks"][0] == "prestart"
    assert "rbind" in features["mountOptions"]
