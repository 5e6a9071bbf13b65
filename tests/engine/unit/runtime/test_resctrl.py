"""Classes of cache and bandwidth, on a folder that looks like a resctrl file system."""

from pathlib import Path

import pytest

from engine.errors import Conflict, NotFound
from engine.runtime import resctrl
from engine.spec.runtime import IntelRdt


def test_a_class_of_the_containers_own_is_made_and_goes_with_it(tmp_path: Path) -> None:
    resctrl.join(tmp_path, "c1", IntelRdt(l3_cache_schema="L3:0=f\nMB:0=10", mem_bw_schema="MB:0=20"), 42)
    assert (tmp_path / "c1/schemata").read_text() == "L3:0=f\nMB:0=20\n"
    assert (tmp_path / "c1/tasks").read_text() == "42"
    for name in ("schemata", "tasks"):  # files of the kernel's, which go with their folder
        (tmp_path / "c1" / name).unlink()
    resctrl.leave(tmp_path, "c1")
    assert not (tmp_path / "c1").exists()


def test_a_named_class_must_be_there_or_be_described_and_is_not_changed(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        resctrl.join(tmp_path, "c1", IntelRdt(clos_id="gold"), 42)
    resctrl.join(tmp_path, "c1", IntelRdt(clos_id="gold", l3_cache_schema="L3:0=f"), 42)
    resctrl.join(tmp_path, "c2", IntelRdt(clos_id="gold"), 43)
    resctrl.join(tmp_path, "c3", IntelRdt(clos_id="gold", l3_cache_schema="L3:0=f"), 44)
    with pytest.raises(Conflict):
        resctrl.join(tmp_path, "c4", IntelRdt(clos_id="gold", l3_cache_schema="L3:0=1"), 45)
    assert (tmp_path / "gold/tasks").read_text() == "44"
