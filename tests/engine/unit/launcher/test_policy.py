"""The restart policy as a table: who is started again, and after how long."""

import json
from pathlib import Path

import pytest

from engine.launcher import policy


@pytest.mark.parametrize(
    ("name", "retries", "exit_code", "restarts", "wanted"),
    [
        ("no", 0, 1, 0, False),
        ("on-failure", 0, 0, 0, False),
        ("on-failure", 0, 1, 1000, True),
        ("on-failure", 3, 1, 2, True),
        ("on-failure", 3, 1, 3, False),
        ("always", 0, 0, 1000, True),
        ("unless-stopped", 0, 0, 0, True),
    ],
)
def test_what_a_policy_says_of_an_end(name: str, retries: int, exit_code: int, restarts: int, wanted: bool) -> None:
    assert policy.permits(name, retries, exit_code=exit_code, restarts=restarts) is wanted


def test_pauses_double_up_to_a_minute_and_a_steady_run_makes_them_short_again() -> None:
    pauses = [0]
    for _ in range(12):
        pauses.append(policy.pause_ms(pauses[-1], ran_s=9.9))
    assert pauses[1:] == [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]
    assert policy.pause_ms(60000, ran_s=10.0) == 100


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (None, True),
        ({"run": 3, "verb": "stop", "ends": True}, False),
        ({"run": 4, "verb": "kill", "ends": True}, False),
        ({"run": 2, "verb": "stop", "ends": True}, True),
        ({"run": 3, "verb": "kill", "ends": False}, True),
        ({"run": 3, "verb": "unhealthy", "ends": True}, True),
        ({"run": 3, "verb": "expire", "ends": True}, False),
    ],
)
def test_only_a_request_for_the_end_of_this_run_overrules_the_policy(
    tmp_path: Path, asked: dict[str, object] | None, wanted: bool
) -> None:
    (tmp_path / "spec.json").write_text(json.dumps({"restart": {"name": "always", "max_retries": 0}}))
    if asked is not None:
        (tmp_path / "asked.json").write_text(json.dumps(asked))
    assert policy.wants_another(str(tmp_path), run=3, exit_code=0, restarts=0) is wanted


@pytest.mark.parametrize("spec", [None, {}, {"name": "old"}])
def test_a_bundle_without_a_policy_has_none(tmp_path: Path, spec: dict[str, object] | None) -> None:
    if spec is not None:
        (tmp_path / "spec.json").write_text(json.dumps(spec))
    assert policy.read(str(tmp_path)) == ("no", 0)
