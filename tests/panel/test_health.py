"""`/healthz` names what does not answer."""

import pytest
from django.test import AsyncClient

from panel.operations import alive, signals

pytestmark = pytest.mark.django_db(transaction=True)
PROCESSES = {"web", "database", "broker", "panel worker", "beat", "host worker", "agent", "launcher"}


async def test_it_names_every_process_that_does_not_answer(redis_server: str) -> None:
    answer = await AsyncClient().get("/healthz")

    document = answer.json()
    assert answer.status_code == 503
    assert document.keys() == PROCESSES | {"failing"}
    assert document["failing"] == ["agent", "beat", "host worker", "launcher", "panel worker"]
    assert (document["web"], document["database"], document["broker"]) == ("ok", "ok", "ok")


async def test_a_worker_that_said_it_lives_is_well(redis_server: str) -> None:
    for process in ("panel-worker", "beat", "host.local"):
        alive.say(process)
    try:
        document = (await AsyncClient().get("/healthz")).json()
    finally:
        for process in ("panel-worker", "beat", "host.local"):
            signals.client().delete(alive.key(process))

    assert document["failing"] == ["agent", "launcher"]
