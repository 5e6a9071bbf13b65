"""The drivers a container's output can go to, and how it is read back."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine import Conflict, HealthCheck, InvalidSpec, LogConfig, LogDriver, LogMode, NotFound, Unsupported
from engine.container import log_receivers
from tests.services.host import Host
from tests.services.processes import wait_until


def log(driver: str, **options: str) -> LogConfig:
    return LogConfig(LogDriver(driver), {name.replace("_", "-"): value for name, value in options.items()})


def folder_of(host: Host, container: str) -> Path:
    return host.home / "containers" / container / "log"


SLOWLY = "i=0; while [ $i -lt %d ]; do i=$((i+1)); echo line $i of a run; [ $((i %% 40)) = 0 ] && sleep 0.002; done"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "socket"))
        listening.settimeout(10)
        yield listening


@pytest.mark.v2
def test_json_file_is_dockers_format_and_is_read_like_any_log(host: Host) -> None:
    asked = log("json-file", labels="app", env="LEVEL", tag="{{.Name}}")
    spec = {"log": asked, "labels": {"app": "web", "other": "x"}, "env": ("LEVEL=3", "NOT=1")}
    state, _ = host.finish("sh", "-c", "echo out; sleep 0.1; echo err >&2; printf half", **spec)
    text = (folder_of(host, state.id) / f"{state.id}-json.log").read_text()
    first, second, third = map(json.loads, text.splitlines())
    assert first["attrs"] == {"app": "web", "LEVEL": "3", "tag": state.name}
    assert [entry["log"] for entry in (first, second, third)] == ["out\n", "err\n", "half"]
    assert [(line.stream, line.text) for line in host.lines(state.id)] == [
        ("stdout", b"out"),
        ("stderr", b"err"),
        ("stdout", b"half"),
    ]
    assert host.engine.inspect(state.id)["deaths"][-1]["last_lines"] == ["out", "err", "half"]


@pytest.mark.parametrize("driver", ["local", "json-file"])
def test_rotation_keeps_what_was_asked_for_and_reading_goes_across_files_and_runs(host: Host, driver: str) -> None:
    asked = log(driver, max_size="20k", max_file="3", compress="true")
    script = SLOWLY % 1500
    container = host.create("sh", "-c", script, log=asked)
    for _ in range(2):
        host.engine.start(container)
        host.wait(container)
    texts = [line.text for line in host.lines(container)]
    assert len(texts) > 100
    assert texts == (2 * [b"line %d of a run" % number for number in range(1, 1501)])[-len(texts) :]
    assert sum(path.stat().st_size for path in folder_of(host, container).iterdir()) < 4 * 20_000
    last = [line for batch in host.engine.logs(container).read(tail=5) for line in batch.lines]
    assert [line.text for line in last] == texts[-5:]


@pytest.mark.parametrize("driver", ["local", "json-file"])
@pytest.mark.parametrize("mode", LogMode)
def test_closed_files_are_compressed_and_read_all_the_same(host: Host, driver: str, mode: LogMode) -> None:
    asked = replace(log(driver, max_size="20k", max_file="20", compress="true"), mode=mode)
    script = f"{SLOWLY % 2000}; exec sleep 60"
    container = host.start("sh", "-c", script, log=asked)

    def is_compressed() -> bool:
        return any(name.endswith(".gz") for name in os.listdir(folder_of(host, container)))

    wait_until(is_compressed, "a file is compressed")
    wait_until(lambda: host.lines(container)[-1].text == b"line 2000 of a run", "all is there")
    assert [line.text for line in host.lines(container)] == [b"line %d of a run" % n for n in range(1, 2001)]


def test_none_keeps_nothing_and_says_so(host: Host) -> None:
    container = host.start("sh", "-c", "yes | head -c 3000000; exit 7", log=log("none"))
    assert host.wait(container).exit_code == 7
    with pytest.raises(Conflict, match="its log driver is none"):
        host.engine.logs(container)
    wait_until(lambda: os.listdir(folder_of(host, container)) == ["lock"], "nothing is kept")


@pytest.mark.v2
def test_syslog_gets_every_line_and_the_log_can_be_read_here(host: Host, server: socket.socket) -> None:
    asked = log("syslog", syslog_address=f"unixgram://{server.getsockname()}", syslog_format="rfc3164", tag="{{.Name}}")
    state, output = host.finish("sh", "-c", "echo one; sleep 0.1; echo two >&2", log=asked)
    assert output == "one\ntwo\n"
    first, second = server.recv(9000), server.recv(9000)
    assert first.startswith(b"<30>")
    assert f" {state.name}[".encode() in first
    assert first.endswith(b": one\n")
    assert second.startswith(b"<27>")


def test_a_syslog_server_that_is_away_stops_no_container_and_is_told_of(host: Host, tmp_path: Path) -> None:
    asked = log("syslog", syslog_address=f"unix://{tmp_path}/nobody")
    state, output = host.finish("sh", "-c", "echo one; exit 5", log=asked)
    assert state.exit_code == 5
    first, told, dropped = output.splitlines()
    assert first == "one"
    assert "takes no messages: No such file" in told
    assert "1 messages were not delivered" in dropped


def test_a_server_whose_name_nobody_knows_is_told_at_the_start(host: Host) -> None:
    container = host.create("true", log=log("syslog", syslog_address="udp://nobody.invalid"))
    with pytest.raises(NotFound, match=r"nobody\.invalid"):
        host.engine.start(container)


def test_a_certificate_that_is_none_is_told_at_the_start(host: Host, tmp_path: Path) -> None:
    (tmp_path / "no-certificate").write_text("nothing of the kind")
    for name in ("absent", "no-certificate"):
        options = {"syslog-address": "tcp+tls://127.0.0.1:6514", "syslog-tls-ca-cert": str(tmp_path / name)}
        container = host.create("true", log=LogConfig(LogDriver.SYSLOG, options))
        with pytest.raises(InvalidSpec, match="syslog-tls-ca-cert"):
            host.engine.start(container)


def test_journald_gets_entries_with_the_containers_name(
    host: Host, server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_receivers, "JOURNAL", Path(server.getsockname()))
    state, output = host.finish("echo", "hello", log=log("journald", labels="app"), labels={"app": "web"})
    entry = server.recv(9000)
    assert output == "hello\n"
    for field in (f"CONTAINER_NAME={state.name}\n", f"CONTAINER_ID_FULL={state.id}\n", "APP=web\n", "PRIORITY=6\n"):
        assert field.encode() in entry


def test_journald_is_refused_where_there_is_none(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_receivers, "JOURNAL", tmp_path / "nowhere")
    with pytest.raises(Unsupported, match="no journald"):
        host.create("true", log=log("journald"))


@pytest.mark.parametrize("driver", ["local", "json-file"])
def test_a_log_goes_on_when_its_shim_was_killed(host: Host, driver: str) -> None:
    script = "i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo line $i; sleep 0.02; done"
    container = host.start("sh", "-c", script, log=log(driver))
    wait_until(lambda: len(host.lines(container)) > 5, "it writes")
    pid = host.engine.state(container).pid
    os.kill(int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]), signal.SIGKILL)
    host.wait(container)
    texts = [line.text for line in host.lines(container)]
    assert texts == [b"line %d" % number for number in range(1, 61)]


@pytest.mark.parametrize("driver", ["local", "json-file"])
def test_a_follower_ends_with_the_run(host: Host, driver: str) -> None:
    container = host.start("sh", "-c", "echo a; sleep 0.3; echo b", log=log(driver))

    async def follow() -> list[bytes]:
        return [line.text async for batch in host.engine.logs(container).follow() for line in batch.lines]

    assert asyncio.run(asyncio.wait_for(follow(), 20)) == [b"a", b"b"]


def test_health_is_checked_while_a_thread_of_the_shim_writes(host: Host) -> None:
    asked = LogConfig(mode=LogMode.NON_BLOCKING)
    check = HealthCheck(("CMD", "true"), interval_s=0.1)
    container = host.start("sh", "-c", "while :; do echo a line; done", log=asked, health=check)
    folder = host.home / "containers" / container
    health, shim = folder / "health.json", (folder / "shim.lock").read_text()
    checks: set[str] = set()

    def has_seen_ten() -> bool:
        known = json.loads(health.read_bytes()) if health.exists() else {"log": []}
        assert all(entry["exit_code"] == 0 for entry in known["log"])
        checks.update(entry["start"] for entry in known["log"])
        return len(checks) >= 10

    wait_until(has_seen_ten, "ten checks have come back", timeout_s=30)
    assert (folder / "shim.lock").read_text() == shim  # it has not died of it
    host.engine.kill(container)
    host.wait(container)
    assert {line.text for line in host.lines(container) if line.stream == "stdout"} == {b"a line"}
