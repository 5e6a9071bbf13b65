"""`/healthz`: whether every process of the panel answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio
from channels.db import database_sync_to_async
from django.db import connection
from django.http import HttpRequest, JsonResponse

from panel.agent.client import AgentClient
from panel.environment import Environment
from panel.operations import alive

ENVIRONMENT = Environment.from_env()
PATIENCE_S = 3.0
OK = "ok"


async def healthz(request: HttpRequest) -> JsonResponse:
    """200 and `{process: "ok"}`, or 503 naming in `failing` those that do not answer, each with what is wrong."""
    results = dict(zip(CHECKS, await asyncio.gather(*(_within(check) for check in CHECKS.values())), strict=True))
    told: dict[str, str] = {"web": OK}
    for name, result in results.items():
        told |= result if isinstance(result, dict) else {name: result}
    failing = sorted(name for name, word in told.items() if word != OK)
    body: dict[str, Any] = told | ({"failing": failing} if failing else {})
    response = JsonResponse(body, status=503 if failing else 200)
    response._has_been_logged = True  # type: ignore[attr-defined]  # else Django logs an error at each question
    return response


async def _within(check: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await asyncio.wait_for(check(), PATIENCE_S)
    except TimeoutError:
        return f"no answer within {PATIENCE_S:g} s"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


async def _database() -> str:
    await database_sync_to_async(_ask_database)()
    return OK


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


async def _workers() -> dict[str, str]:
    """What lives by its key in the broker; while that is away, the broker itself is what does not answer."""
    names = {"panel worker": "panel-worker", "beat": "beat", "host worker": f"host.{ENVIRONMENT.host_name}"}
    try:
        async with redis.asyncio.Redis.from_url(ENVIRONMENT.redis_url, socket_timeout=2) as client:
            found = await client.mget([alive.key(name) for name in names.values()])
    except (redis.RedisError, OSError) as error:
        return {"broker": str(error), **dict.fromkeys(names, "not known without the broker")}
    words = {name: OK if value else "has not been heard of" for name, value in zip(names, found, strict=True)}
    return {"broker": OK, **words}


async def _agent() -> dict[str, str]:
    """The agent, which knows about the launcher."""
    try:
        told = await AgentClient(ENVIRONMENT.agent_socket).ping()
    except Exception as error:
        return {"agent": str(error), "launcher": "not known without the agent"}
    return {"agent": OK, "launcher": str(told.get("launcher", "not told"))}


CHECKS: dict[str, Callable[[], Awaitable[Any]]] = {"database": _database, "broker": _workers, "agent": _agent}
