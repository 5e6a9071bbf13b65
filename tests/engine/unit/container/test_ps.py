"""Processes laid out as ps(1) does."""

import pytest

from engine.container import process_files, ps
from engine.container.process_files import UidMap
from engine.errors import InvalidSpec
from engine.spec.processes import ContainerProcess

PROCESS = ContainerProcess(
    pid=4242,
    container_pid=7,
    parent_pid=4000,
    uid=165536,
    container_uid=0,
    gid=165536,
    state="S",
    threads=2,
    nice=5,
    priority=25,
    terminal="pts/0",
    cpu_ns=3_725_000_000_000,
    cpu_percent=12.5,
    rss_bytes=2 << 20,
    vsz_bytes=8 << 20,
    started_at="2026-01-01T00:00:00Z",
    age_s=90061.0,
    name="nginx",
    command="nginx: master",
)


def shown(arguments: str) -> list[tuple[str, str]]:
    return [(column.title, column.text(PROCESS)) for column in ps.columns(arguments)]


def test_the_usual_options_have_the_usual_columns() -> None:
    full = "UID PID PPID C STIME TTY TIME CMD".split()
    assert [title for title, _ in shown("-ef")] == full
    oriented = "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND".split()
    assert [title for title, _ in shown("aux")] == [title for title, _ in shown("-aux")] == oriented
    assert [title for title, _ in shown("")] == "PID TTY TIME CMD".split()


def test_columns_by_name() -> None:
    assert shown("-o pid,cpid,user -o comm") == [("PID", "4242"), ("CPID", "7"), ("USER", "root"), ("COMMAND", "nginx")]
    assert shown("-eo rss,stat,nlwp") == [("RSS", "2048"), ("STAT", "SNl"), ("NLWP", "2")]
    assert shown("-o pid=Number") == [("Number", "4242")]
    assert shown("-opid") == [("PID", "4242")]


def test_times_are_said_as_ps_says_them() -> None:
    assert dict(shown("-o time,etime,etimes,%cpu,c")) == {
        "TIME": "01:02:05",
        "ELAPSED": "90061",
        "%CPU": "12.5",
        "C": "12",
    }
    assert dict(shown("-o etime")) == {"ELAPSED": "1-01:01:01"}


@pytest.mark.parametrize("arguments", ["-z", "-o", "-o pid,nonsense", "--sort=pid", "-o "])
def test_what_is_not_known_is_refused(arguments: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        ps.columns(arguments)
    assert caught.value.field == "ps_args"


def test_users_are_called_as_inside() -> None:
    users = UidMap(((0, 100000, 65536),))
    assert [users.inside(uid) for uid in (100000, 100033, 0, 165536)] == [0, 33, 65534, 65534]


def test_a_process_that_is_gone_is_none() -> None:
    assert process_files.read(2**22 - 1, UidMap(()), uptime_s=1) is None
    assert process_files.uid_map(2**22 - 1) == UidMap(())
