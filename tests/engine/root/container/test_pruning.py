"""rename and prune."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine import InvalidSpec, PruneFilters
from engine.container import prune
from tests.services.host import Host


def test_another_name_is_another_state_and_nothing_else(host: Host) -> None:
    container = host.start("sleep", "60")
    before = host.engine.state(container)
    after = host.engine.rename(container, "fresh")
    assert (after.name, after.pid, after.status) == ("fresh", before.pid, before.status)
    assert after.seq > before.seq
    assert host.engine.rename(container, "fresh") == after
    assert host.engine.inspect(container)["spec"]["name"] == "fresh"
    with pytest.raises(InvalidSpec, match="is not a container name"):
        host.engine.rename(container, "-x")


def test_a_rename_that_was_cut_short_is_finished(host: Host) -> None:
    container = host.create("true")
    file = host.home / "containers" / container / "spec.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"name": "half"}))
    host.engine.repair()
    assert host.engine.inspect(container)["spec"]["name"] == host.engine.state(container).name != "half"


def test_what_runs_stays_and_what_does_not_is_told_with_its_bytes_and_goes(host: Host) -> None:
    running = host.start("sleep", "60")
    ended, _ = host.finish("dd", "if=/dev/zero", "of=/root/file", "bs=1M", "count=3")
    created = host.create("true", labels={"keep": "yes"})
    planned = {pruned.id: pruned for pruned in host.engine.prune(dry_run=True)}
    assert {ended.id, created} <= set(planned)
    assert running not in planned
    assert planned[ended.id].name == ended.name
    assert 3 << 20 <= planned[ended.id].size_bytes < 4 << 20
    gone = {pruned.id for pruned in host.engine.prune(PruneFilters(without_labels=("keep",)))}
    assert ended.id in gone
    assert created not in gone
    assert {running, created} <= {state.id for state in host.engine.states()}
    assert not gone & {state.id for state in host.engine.states()}


def test_filters_name_labels_and_a_time(host: Host) -> None:
    team = host.create("true", labels={"team": "harbour", "stage": "test"})
    host.create("true", labels={"team": "yard"})

    def meant(**filters: object) -> set[str]:
        asked = PruneFilters.from_json(filters)
        return {pruned.id for pruned in host.engine.prune(asked, dry_run=True)}

    assert meant(labels=["team=harbour", "stage"]) == {team}
    assert meant(labels=["team"], without_labels=["team=yard"]) == {team}
    assert team in meant(until=(datetime.now(UTC) + timedelta(minutes=1)).isoformat())
    assert meant(until=(datetime.now(UTC) - timedelta(hours=1)).isoformat()) == set()
    for wrong in ("yesterday", "2026-01-01T00:00:00"):
        with pytest.raises(InvalidSpec, match="until"):
            meant(until=wrong)


def test_a_file_with_two_names_counts_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(bytes(1 << 20))
    once = prune.size_bytes(tmp_path)
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    assert prune.size_bytes(tmp_path) == once
