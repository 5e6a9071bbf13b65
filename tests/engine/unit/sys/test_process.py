"""Limits of open files, on a host that has come to allow fewer than it had given out."""

import resource
from pathlib import Path

import pytest

from engine.sys import process


def test_a_limit_above_what_the_host_allows_by_now_is_lowered_to_that(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = int(Path("/proc/sys/fs/nr_open").read_text())
    given: list[tuple[int, int]] = []

    def as_the_kernel(number: int, limits: tuple[int, int]) -> None:
        assert number == resource.RLIMIT_NOFILE
        if limits[1] > allowed:
            raise ValueError("not allowed to raise maximum limit")
        given.append(limits)

    monkeypatch.setattr(resource, "setrlimit", as_the_kernel)
    monkeypatch.setattr(process, "_NOFILE", (1024, allowed + 64))
    process.raise_nofile()
    process.restore_nofile()
    assert given == [(allowed, allowed), (1024, allowed)]
