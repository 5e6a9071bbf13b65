"""A container's state, joined from the three files whoever was killed in between left behind."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from engine.container import state
from engine.container.state import Intent, Record
from engine.errors import Conflict, NotFound
from engine.launcher import records
from engine.launcher.records import Exit, Started
from engine.spec.container import Status
from engine.sys import process

AT = "2026-01-01T00:00:00.000000Z"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, Record("ab" * 32, "web", "sha256:0", AT, seq=1))
    return tmp_path


def write(folder: Path, record: Record) -> Record:
    state.write_file(folder / "state.json", json.dumps(asdict(record)).encode(), durable=False)
    return record


def begin(folder: Path, run: int) -> Record:
    return state.advance(folder, state.load_record(folder), intent=Intent.START, run=run)


def this_process(run: int) -> Started:
    pid = os.getpid()
    return Started(run, pid, process.start_ticks(pid), process.boot_id(), AT, 0)


def test_a_new_container_is_created(folder: Path) -> None:
    assert state.load(folder).status is Status.CREATED


def test_a_folder_without_state_is_no_container(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        state.load(tmp_path)


def test_a_container_whose_process_lives_is_running(folder: Path) -> None:
    begin(folder, 1)
    records.write(str(folder), this_process(1))
    assert (state.load(folder).status, state.load(folder).pid) == (Status.RUNNING, os.getpid())


def test_a_pid_that_was_given_to_another_process_is_not_the_container(folder: Path) -> None:
    begin(folder, 1)
    records.write(str(folder), this_process(1)._replace(ticks=1))
    found = state.load(folder)
    assert (found.status, found.exit_code, found.error) == (Status.EXITED, 255, state.UNSEEN_END)


def test_no_container_of_an_earlier_boot_is_running(folder: Path) -> None:
    begin(folder, 1)
    records.write(str(folder), this_process(1)._replace(boot="another"))
    assert state.load(folder).status is Status.EXITED


def test_an_end_is_the_state_only_for_its_own_run(folder: Path) -> None:
    begin(folder, 1)
    records.write(str(folder), this_process(1))
    records.write(str(folder), Exit(1, 137, 9, True, AT, "", 0, None))
    ended = state.load(folder)
    assert (ended.status, ended.exit_code, ended.oom_killed) == (Status.EXITED, 137, True)
    begin(folder, 2)
    between = state.load(folder)
    assert (between.status, between.exit_code, between.run) == (Status.CREATED, 137, 2)
    records.write(str(folder), this_process(2))
    assert state.load(folder).status is Status.RUNNING


def test_each_change_makes_a_larger_sequence_number(folder: Path) -> None:
    seen = [state.load(folder).seq]
    for run in (1, 2):
        begin(folder, run)
        seen.append(state.load(folder).seq)
        records.write(str(folder), this_process(run))
        seen.append(state.load(folder).seq)
        records.write(str(folder), Exit(run, 0, 0, False, AT, "", 0, None))
        seen.append(state.load(folder).seq)
    assert seen == sorted(set(seen))


def test_runs_of_the_restart_policy_count_although_the_engine_did_not_ask_for_them(folder: Path) -> None:
    begin(folder, 1)
    seen = []
    for run in (1, 2, 3):
        records.write(str(folder), this_process(run)._replace(restarts=run - 1))
        seen.append(state.load(folder))
        records.write(str(folder), Exit(run, 1, 0, False, AT, "", run - 1, 1500 if run < 3 else None))
        seen.append(state.load(folder))
    assert [(found.status.value, found.run, found.restart_count) for found in seen] == [
        ("running", 1, 0),
        ("restarting", 1, 0),
        ("running", 2, 1),
        ("restarting", 2, 1),
        ("running", 3, 2),
        ("exited", 3, 2),
    ]
    assert seen[1].restart_at == "2026-01-01T00:00:01.500000Z"
    assert [found.seq for found in seen] == sorted({found.seq for found in seen})
    begin(folder, 4)
    assert state.load(folder).seq > seen[-1].seq


def test_records_from_before_there_were_restart_policies_are_read(folder: Path) -> None:
    begin(folder, 1)
    old = {"run": 1, "exit_code": 3, "signal": 0, "oom_killed": False, "finished_at": AT, "error": ""}
    (folder / "exit.json").write_text(json.dumps(old))
    assert (state.load(folder).status, state.load(folder).exit_code) == (Status.EXITED, 3)


@pytest.mark.parametrize("legal", [Status.RUNNING, Status.REMOVING])
def test_an_exited_container_may_start_again_or_go(folder: Path, legal: Status) -> None:
    begin(folder, 1)
    records.write(str(folder), Exit(1, 0, 0, False, AT, "", 0, None))
    state.check_step(state.load(folder), legal)


def test_a_running_container_is_not_removed_by_mistake(folder: Path) -> None:
    begin(folder, 1)
    records.write(str(folder), this_process(1))
    with pytest.raises(Conflict, match="web is running and cannot be removed"):
        state.check_step(state.load(folder), Status.REMOVING)


def test_an_end_that_is_written_down_while_the_state_is_read_was_seen(folder: Path) -> None:
    begin(folder, 1)
    records.write(str(folder), this_process(1)._replace(ticks=1))
    before = state.read(folder)
    records.write(str(folder), Exit(1, 3, 0, False, AT, "", 0, None))
    found = state.join(folder, before)
    assert (found.status, found.exit_code, found.error) == (Status.EXITED, 3, "")
