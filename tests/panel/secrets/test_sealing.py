"""Secrets on their way to a host."""

import stat
from pathlib import Path

import pytest

from engine import InvalidSpec
from panel.secrets.sealing import HostKey, is_public_key, seal


def test_only_the_host_it_was_sealed_for_opens_it(tmp_path: Path) -> None:
    ours, theirs = HostKey.of(tmp_path / "ours"), HostKey.of(tmp_path / "theirs")

    sealed = seal(ours.public, b"hunter2", bound_to="operation 1")

    assert "hunter2" not in sealed
    assert ours.open(sealed, bound_to="operation 1") == b"hunter2"
    with pytest.raises(InvalidSpec, match="not sealed for this host"):
        theirs.open(sealed, bound_to="operation 1")


@pytest.mark.parametrize("sealed", ["", "AAAA", "not base64!", "ä"])
def test_what_was_never_sealed_is_refused(tmp_path: Path, sealed: str) -> None:
    with pytest.raises(InvalidSpec):
        HostKey.of(tmp_path / "key").open(sealed, bound_to="")


def test_it_is_of_no_use_in_another_operation_nor_altered(tmp_path: Path) -> None:
    key = HostKey.of(tmp_path / "key")
    sealed = seal(key.public, b"hunter2", bound_to="operation 1")

    for told, purpose in ((sealed, "operation 2"), (sealed[:-8] + "AAAAAAA=", "operation 1")):
        with pytest.raises(InvalidSpec):
            key.open(told, bound_to=purpose)


def test_a_host_keeps_its_key_for_itself(tmp_path: Path) -> None:
    path = tmp_path / "key"

    first = HostKey.of(path)

    assert HostKey.of(path).public == first.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() not in repr(first)


def test_a_public_key_is_told_from_anything_else(tmp_path: Path) -> None:
    assert is_public_key(HostKey.of(tmp_path / "key").public)
    others: list[object] = [None, "", 5, "AAAA", "ä" * 44, [], "!" * 44]
    assert not any(is_public_key(value) for value in others)
