"""Whoever is killed between two steps of a verb: what is told is true, and repair leaves nothing behind.

A sample of the steps; `make soak` walks all of them.
"""

import pytest

from tests.services.host import Host
from tests.services.walk import CASES, Walk

STEPS = (2, 11, 29, 61)
FEW_STEPS = ("launcher", "shim")
"""Who has done its part in a step or two, the last of them perhaps when the verb is over."""


@pytest.fixture(scope="module")
def walk(host: Host) -> Walk:
    return Walk(host)


@pytest.mark.parametrize(("verb", "victim"), CASES)
def test_a_verb_that_was_cut_short_is_repaired(walk: Walk, verb: str, victim: str) -> None:
    assert walk.cut_short(verb, victim, STEPS[0]) or victim in FEW_STEPS
    for step in STEPS[1:]:
        if not walk.cut_short(verb, victim, step):
            break
