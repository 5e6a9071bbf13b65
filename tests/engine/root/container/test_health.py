"""Health checks: run inside the container by its shim, counted by Docker's rules, and what follows from them."""

import io
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from engine import ExecSpec, HealthCheck, InvalidSpec, Restart, RestartPolicy, Status
from tests.images import build, docker_archive
from tests.images.busybox import busybox_layer
from tests.services.host import Host
from tests.services.processes import wait_until


def check(*test: str, **values: Any) -> HealthCheck:
    return HealthCheck(test, **{"interval_s": 0.15, "timeout_s": 10.0, "retries": 2} | values)


def wait_for_health(host: Host, container: str, status: str) -> None:
    wait_until(lambda: host.engine.state(container).health == status, f"it is {status}", timeout_s=20)


def inside(host: Host, container: str, *command: str) -> None:
    with host.engine.exec(container, ExecSpec(command)) as program:
        assert program.wait(20).exit_code == 0


def health(host: Host, container: str) -> dict[str, Any]:
    found: dict[str, Any] = host.engine.inspect(container)["health"]
    return found


@pytest.mark.v2
@pytest.mark.v2_smoke
def test_a_container_is_well_as_long_as_its_check_succeeds_and_unwell_after_some_failures(host: Host) -> None:
    container = host.start("sleep", "60", health=check("CMD-SHELL", "echo looked; test ! -e /root/ill"))
    wait_for_health(host, container, "starting")
    wait_for_health(host, container, "healthy")
    seq = host.engine.state(container).seq
    inside(host, container, "touch", "/root/ill")
    wait_for_health(host, container, "unhealthy")
    found = health(host, container)
    assert found["failing_streak"] >= 2
    assert found["log"][-1]["exit_code"] == 1
    assert found["log"][-1]["output"] == "looked\n"
    assert found["log"][-1]["start"] <= found["log"][-1]["end"]
    assert host.engine.state(container).seq == seq + 1
    inside(host, container, "rm", "/root/ill")
    wait_for_health(host, container, "healthy")
    assert health(host, container)["failing_streak"] == 0
    assert len(health(host, container)["log"]) <= 5
    host.engine.kill(container)
    assert host.engine.state(container).health == ""


def test_a_check_sees_what_the_container_sees_and_its_output_is_bounded(host: Host) -> None:
    script = "hostname; id -u; pwd; echo $MARK; cat /proc/1/cmdline | tr '\\0' ' '; yes | head -c 100000"
    container = host.start(
        "sleep", "60", hostname="inside", user="nobody", cwd="/tmp", env=("MARK=x",), health=check("CMD-SHELL", script)
    )
    wait_for_health(host, container, "healthy")
    output = health(host, container)["log"][0]["output"]
    assert output.splitlines()[:4] == ["inside", "65534", "/tmp", "x"]
    assert "sleep 60" in output
    assert len(output) == 4096


def test_a_check_that_takes_too_long_is_killed_and_counts_as_a_failure(host: Host) -> None:
    container = host.start("sleep", "60", health=check("CMD", "sleep", "50", timeout_s=0.1, retries=1))
    wait_for_health(host, container, "unhealthy")
    (entry, *_) = health(host, container)["log"]
    assert entry["exit_code"] == -1
    assert "longer than 0.1 s" in entry["output"]
    pid = host.engine.state(container).pid
    sleeping = [line for line in Path(f"/proc/{pid}/task/{pid}/children").read_text().split() if line]
    assert sleeping == []


def test_a_check_that_is_no_program_says_so(host: Host) -> None:
    container = host.start("sleep", "60", health=check("CMD", "nosuch", retries=1))
    wait_for_health(host, container, "unhealthy")
    entry = health(host, container)["log"][0]
    assert (entry["exit_code"], "nosuch: no such program" in entry["output"]) == (127, True)


def test_failures_while_it_starts_do_not_count_and_are_looked_for_more_often(host: Host) -> None:
    container = host.start(
        "sh",
        "-c",
        "sleep 0.6; touch /tmp/up; sleep 60",
        health=check("CMD", "test", "-e", "/tmp/up", interval_s=60, retries=1, start_period_s=30, start_interval_s=0.1),
    )
    wait_for_health(host, container, "healthy")
    assert {entry["exit_code"] for entry in health(host, container)["log"]} == {0, 1}


def test_an_unhealthy_container_is_started_again_where_that_is_wanted(host: Host) -> None:
    container = host.start(
        "sh",
        "-c",
        "trap 'exit 0' TERM; test -e /root/well || (touch /root/well; touch /root/ill); while :; do sleep 0.02; done",
        health=check("CMD-SHELL", "test ! -e /root/ill || (rm /root/ill; false)", retries=1),
        restart_when_unhealthy=True,
    )
    wait_until(lambda: host.engine.state(container).run == 2, "it runs again", timeout_s=20)
    wait_for_health(host, container, "healthy")
    state = host.engine.state(container)
    assert (state.status, state.restart_count) == (Status.RUNNING, 1)
    (death,) = host.engine.inspect(container)["deaths"]
    assert (death["asked"]["verb"], death["exit_code"], death["restart_ms"]) == ("unhealthy", 0, 100)
    assert host.engine.stop(container).status is Status.EXITED


def test_unhealthy_alone_stops_nothing(host: Host) -> None:
    container = host.start("sleep", "60", health=check("CMD", "false"), restart=RestartPolicy(Restart.ALWAYS))
    wait_for_health(host, container, "unhealthy")
    time.sleep(0.4)
    assert host.engine.state(container).run == 1


def test_to_restart_what_is_unhealthy_takes_a_check(host: Host) -> None:
    with pytest.raises(InvalidSpec, match="restart_when_unhealthy"):
        host.create("true", restart_when_unhealthy=True)


@pytest.mark.v2
def test_a_paused_container_is_not_checked(host: Host) -> None:
    container = host.start("sleep", "60", health=check("CMD", "true"))
    wait_for_health(host, container, "healthy")
    host.engine.pause(container)
    wait_until(lambda: host.engine.state(container).status is Status.PAUSED, "it is paused")
    time.sleep(0.3)
    before = health(host, container)["log"]
    time.sleep(0.5)
    assert health(host, container)["log"] == before
    host.engine.unpause(container)
    wait_until(lambda: health(host, container)["log"] != before, "it is checked again")
    assert host.engine.state(container).health == "healthy"


def test_another_shim_goes_on_with_the_checks(host: Host) -> None:
    container = host.start("sleep", "60", health=check("CMD", "true"))
    wait_for_health(host, container, "healthy")
    before = host.engine.state(container).seq
    os.kill(int((host.home / "containers" / container / "shim.lock").read_text()), signal.SIGKILL)
    last = health(host, container)["log"][-1]
    wait_until(lambda: last not in health(host, container)["log"], "five more checks", timeout_s=20)
    assert (host.engine.state(container).health, host.engine.state(container).seq) == ("healthy", before)
    host.finish("true")
    wait_until(lambda: not zombies(host.launcher.pid), "nothing the killed shim had begun is left")


def zombies(parent: int) -> list[str]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [pid for pid in children if " Z " in Path(f"/proc/{pid}/stat").read_text()]


def test_an_end_during_a_check_is_recorded_at_once(host: Host) -> None:
    container = host.start("sleep", "60", health=check("CMD", "sleep", "50", interval_s=0.05))
    time.sleep(0.3)
    began = time.monotonic()
    assert host.engine.kill(container).status is Status.EXITED
    assert time.monotonic() - began < 2


def test_the_image_says_how_its_containers_are_checked_unless_something_else_is_asked(host: Host) -> None:
    check = {"Test": ["CMD-SHELL", "echo image"], "Interval": 100_000_000, "Retries": 1}
    said = {"Env": ["PATH=/bin"], "Healthcheck": check}
    (image,) = host.engine.load_image(io.BytesIO(docker_archive(build("checked:test", [busybox_layer()], config=said))))
    assert image.health == HealthCheck(("CMD-SHELL", "echo image"), interval_s=0.1, retries=1)
    container = host.start("sleep", "60", image="checked:test")
    wait_for_health(host, container, "healthy")
    assert health(host, container)["log"][0]["output"] == "image\n"
    silent = host.start("sleep", "60", image="checked:test", health=HealthCheck(("NONE",)))
    assert host.engine.state(silent).health == ""
    assert host.engine.inspect(silent)["health"] is None
