"""What hosts tell of images is bounded, and says where it is cut."""

import json
from dataclasses import replace
from typing import Any

from engine import Image
from engine.images.image import HistoryEntry
from panel.images.told import MOST_FIELD, MOST_TEXT, told
from tests.engine.unit.container.test_plan import IMAGE


def image(**changes: Any) -> Image:
    return replace(IMAGE, **changes)


def test_a_usual_image_is_told_whole() -> None:
    assert told(IMAGE) == IMAGE.to_json() | {"cut": []}


def test_one_long_text_is_cut_where_it_is_seen() -> None:
    value = told(image(labels={"short": "a", "long": "x" * 3_000_000}, env=("PATH=" + "y" * 5_000,)))
    assert value["labels"] == {"short": "a", "long": "x" * MOST_TEXT + f"… +{3_000_000 - MOST_TEXT}"}
    assert value["env"] == ["PATH=" + "y" * (MOST_TEXT - 5) + f"… +{5_005 - MOST_TEXT}"]
    assert value["cut"] == ["env", "labels"]


def test_of_many_the_first_are_told_and_how_many_follow() -> None:
    steps = tuple(HistoryEntry("", "RUN " + "z" * 1_000, "", False) for _ in range(3_000))
    value = told(image(labels={f"l{n}": "x" * 100 for n in range(30_000)}, env=("A=b",) * 100_000, history=steps))
    assert value["cut"] == ["env", "labels", "history"]
    assert value["labels"]["…"] == f"… +{30_000 - len(value['labels']) + 1}"
    assert value["env"][-1] == f"… +{100_000 - len(value['env']) + 1}"
    assert value["history"][-1]["created_by"] == f"… +{3_000 - len(value['history']) + 1}"
    assert len(json.dumps(value)) < 4 * MOST_FIELD
