"""A change of resources touches what it names and nothing else."""

import pytest

from engine.errors import InvalidSpec
from engine.runtime.update import merge, read
from engine.spec.runtime import Cpu, DeviceRule, HugepageLimit, Memory, Pids, Resources

BEFORE = Resources(
    devices=(DeviceRule(allow=False),),
    memory=Memory(limit=100, swap=200),
    cpu=Cpu(shares=10),
    unified={"memory.high": "50"},
)


def test_fields_within_fields_are_changed_one_by_one() -> None:
    change = Resources(memory=Memory(limit=50), pids=Pids(5), unified={"pids.max": "9"})
    assert merge(BEFORE, change) == Resources(
        devices=BEFORE.devices,
        memory=Memory(limit=50, swap=200),
        cpu=Cpu(shares=10),
        pids=Pids(5),
        unified={"memory.high": "50", "pids.max": "9"},
    )


def test_lists_are_taken_whole() -> None:
    rules = (DeviceRule(allow=True, type="c"),)
    pages = (HugepageLimit("2MB", 1),)
    merged = merge(BEFORE, Resources(devices=rules, hugepage_limits=pages))
    assert (merged.devices, merged.hugepage_limits) == (rules, pages)


def test_a_document_is_read_as_the_specification_writes_it() -> None:
    assert read('{"memory": {"limit": 5}, "cpu": null}') == Resources(memory=Memory(limit=5))
    for text, field in (("{", "resources"), ('{"pids": {"limit": "5"}}', "resources.pids.limit")):
        with pytest.raises(InvalidSpec) as caught:
            read(text)
        assert caught.value.field == field
