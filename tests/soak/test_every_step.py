"""Every single step of every verb as the last one of whoever took it."""

import itertools

import pytest

from tests.services.host import Host
from tests.services.walk import CASES, Walk


@pytest.fixture(scope="module")
def walk(host: Host) -> Walk:
    return Walk(host)


@pytest.mark.parametrize(("verb", "victim"), CASES)
def test_a_verb_can_be_cut_short_at_every_step(walk: Walk, verb: str, victim: str) -> None:
    for step in itertools.count(1):
        if not walk.cut_short(verb, victim, step):
            break
