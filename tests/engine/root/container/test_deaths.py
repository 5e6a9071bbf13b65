"""Death certificates: who asked for an end, what the kernel counted, what was written last; kept run by run."""

import json
import os
import signal

import pytest

from engine import LogConfig, LogDriver, LogMode, Resources, Restart, RestartPolicy
from tests.services.host import Host
from tests.services.processes import wait_until


def deaths(host: Host, container: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(json.dumps(host.engine.inspect(container)["deaths"]))
    return found


def test_an_end_by_itself_tells_its_code_its_time_and_its_last_lines(host: Host) -> None:
    script = "i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo line $i; done; echo bad >&2; exit 3"
    state, _ = host.finish("sh", "-c", script)
    (death,) = deaths(host, state.id)
    assert (death["run"], death["exit_code"], death["signal"], death["core_dumped"]) == (1, 3, 0, False)
    assert death["asked"] is None
    assert death["last_lines"] == [*(f"line {number}" for number in range(12, 31)), "bad"]
    assert isinstance(death["duration_s"], float)
    assert 0 <= death["duration_s"] < 10
    assert death["finished_at"] == state.finished_at


def test_an_end_that_was_asked_for_names_who_asked_and_how(host: Host) -> None:
    container = host.start("sleep", "60")
    host.engine.stop(container, signal="INT", timeout_s=0, asked_by="alice")
    host.engine.start(container)
    host.engine.kill(container, asked_by="bob")
    host.engine.start(container)
    host.engine.restart(container, timeout_s=0, asked_by="carol")
    host.engine.stop(container, timeout_s=0)
    asked = [death["asked"] for death in deaths(host, container)]
    assert all(isinstance(request, dict) and request["ends"] for request in asked)
    assert [(request["verb"], request["by"], request["signal"]) for request in asked if isinstance(request, dict)] == [
        ("stop", "", "TERM"),
        ("restart", "carol", "TERM"),
        ("kill", "bob", "KILL"),
        ("stop", "alice", "INT"),
    ]
    assert [death["signal"] for death in deaths(host, container)] == [signal.SIGKILL] * 4


def test_a_signal_that_is_no_request_for_the_end_is_told_of_as_such(host: Host) -> None:
    container = host.start("sh", "-c", "trap 'exit 4' USR1; echo ready; while :; do sleep 0.02; done")
    host.wait_for_output(container, "ready")
    host.engine.kill(container, signal="USR1", asked_by="dave")
    host.wait(container)
    (death,) = deaths(host, container)
    assert isinstance(death["asked"], dict)
    assert (death["asked"]["by"], death["asked"]["signal"], death["asked"]["ends"]) == ("dave", "USR1", False)


@pytest.mark.v2
@pytest.mark.v2_smoke
def test_an_end_for_want_of_memory_tells_the_limit_and_what_was_used(host: Host) -> None:
    limit = 16 << 20
    state, _ = host.finish(
        "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1", resources=Resources(memory_bytes=limit)
    )
    (death,) = deaths(host, state.id)
    memory, usage = death["memory"], death["usage"]
    assert isinstance(memory, dict)
    assert isinstance(usage, dict)
    assert (death["oom_killed"], memory["limit_bytes"], memory["oom_kills"]) == (True, limit, 1)
    assert memory["peak_bytes"] > limit // 2
    assert usage["cpu_ns"] > 0


def test_what_could_not_be_started_has_a_certificate_that_says_why(host: Host) -> None:
    container = host.create("nosuch")
    with pytest.raises(Exception, match="nosuch"):
        host.engine.start(container)
    (death,) = deaths(host, container)
    assert (death["exit_code"], death["duration_s"], death["last_lines"]) == (127, None, [])
    assert "nosuch" in str(death["error"])


def test_each_run_has_its_own_last_lines(host: Host) -> None:
    container = host.create("sh", "-c", "echo x >> /root/runs; wc -l < /root/runs")
    for _ in range(3):
        host.engine.start(container)
        host.wait(container)
    assert [(death["run"], death["last_lines"]) for death in deaths(host, container)] == [
        (3, ["3"]),
        (2, ["2"]),
        (1, ["1"]),
    ]


NOWHERE = {"syslog-address": "unix:///nowhere", "cache-disabled": "true"}


@pytest.mark.parametrize(
    "log",
    [
        LogConfig(LogDriver.NONE),
        LogConfig(LogDriver.NONE, mode=LogMode.NON_BLOCKING),
        LogConfig(LogDriver.SYSLOG, NOWHERE),
    ],
)
def test_last_lines_are_told_where_no_log_is_kept_too(host: Host, log: LogConfig) -> None:
    script = "yes | head -c 3000000; echo x >> /root/runs; echo run $(wc -l < /root/runs); exit 1"
    container = host.start("sh", "-c", script, log=log, restart=RestartPolicy(Restart.ON_FAILURE, 1))
    host.wait(container)
    own = [[line for line in death["last_lines"] if "run" in line] for death in deaths(host, container)]  # type: ignore[attr-defined]
    assert own == [["run 2"], ["run 1"]]
    wait_until(lambda: os.listdir(host.home / "containers" / container / "log") == ["lock"], "nothing is kept")
