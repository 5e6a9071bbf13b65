"""What a shim tells the agent reaches the panel's queue, whatever the broker does meanwhile."""

import asyncio
import base64
import json
import secrets
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from kombu.exceptions import OperationalError

from engine import ContainerSpec, Engine
from panel.agent.reports import Reporter
from panel.environment import Environment
from tests.services.processes import wait_until


def observed(container_id: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as shim:
        shim.connect(str(Environment.from_env().observed_socket))
        shim.send(container_id.encode())


def take_reports(broker: "redis.Redis") -> list[dict[str, Any]]:
    """The arguments of every `containers.observed` on the panel's queue, which is empty afterwards."""
    reports = []
    while message := broker.lpop("panel"):
        assert isinstance(message, bytes)
        task = json.loads(message)
        assert task["headers"]["task"] == "containers.observed"
        reports.append(json.loads(base64.b64decode(task["body"]))[1])
    return reports


@pytest.fixture
def broker(redis_server: str) -> Iterator["redis.Redis"]:
    """The broker, with nothing on the panel's queue."""
    with redis.Redis.from_url(redis_server) as client:
        client.delete("panel")
        yield client


def test_every_container_is_reported_at_the_start_and_each_that_is_named_later(
    broker: "redis.Redis", container_id: str, agent: "subprocess.Popen[bytes]"
) -> None:
    wait_until(lambda: broker.llen("panel") == 1, "the first report")
    (first,) = take_reports(broker)
    assert first["host"] == "local"
    assert container_id in [state["id"] for state in first["containers"]]
    observed("no container")
    observed(container_id)
    wait_until(lambda: broker.llen("panel") == 1, "the second report")
    (second,) = take_reports(broker)
    assert [(state["id"], state["status"]) for state in second["containers"]] == [(container_id, "created")]


class Broker:
    """Takes reports unless it is away."""

    def __init__(self) -> None:
        self.is_away = False
        self.attempts = 0
        self.told: list[str] = []

        self.removed: list[str] = []

    def send(self, states: list[dict[str, Any]], removed: list[str]) -> None:
        self.attempts += 1
        if self.is_away:
            raise OperationalError("away")
        self.told += [state["id"] for state in states]
        self.removed += removed


async def test_what_is_observed_while_the_broker_is_away_is_told_when_it_is_back(
    engine: Engine, container_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("panel.agent.reports._FIRST_DELAY_S", 0.01)
    broker = Broker()
    reporter = Reporter(engine, broker.send)
    broker.is_away = True
    running = asyncio.create_task(reporter.run())
    await asyncio.sleep(0.2)
    reporter.observe([container_id, container_id])
    await asyncio.sleep(0.2)
    assert broker.attempts > 3
    assert broker.told == []
    broker.is_away = False
    async with asyncio.timeout(10):
        while not broker.told:
            await asyncio.sleep(0.01)
    assert broker.told == [container_id]
    running.cancel()


async def test_a_container_that_is_gone_meanwhile_is_not_reported(engine: Engine) -> None:
    broker = Broker()
    reporter = Reporter(engine, broker.send)
    running = asyncio.create_task(reporter.run())
    reporter.observe(["0" * 64])
    await asyncio.sleep(0.2)
    assert broker.attempts == 0
    running.cancel()


async def test_a_container_whose_time_is_over_is_removed_and_told_of_even_if_the_broker_was_away(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("panel.agent.reports._FIRST_DELAY_S", 0.01)
    monkeypatch.setattr("panel.agent.reports._LOOK_S", 0.05)
    expiring = secrets.token_hex(32)
    engine.create(expiring, ContainerSpec(name="short", image="busybox:test", ttl_s=0.3))
    broker = Broker()
    reporter = Reporter(engine, broker.send)
    running = asyncio.create_task(reporter.run())
    await asyncio.sleep(0.15)
    assert expiring in broker.told
    broker.is_away = True
    async with asyncio.timeout(10):
        while expiring in {state.id for state in engine.states()}:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        broker.is_away = False
        while not broker.removed:
            await asyncio.sleep(0.01)
    assert broker.removed == [expiring]
    running.cancel()
