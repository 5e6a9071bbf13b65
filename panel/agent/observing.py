"""What a container does right now: its processes, what it uses, and whether it has ended."""

import asyncio
from contextlib import aclosing, suppress

from aiohttp import web

from engine import Condition, InvalidSpec
from panel.agent.keys import ENGINE
from panel.agent.query import flag, seconds
from panel.agent.streams import LINES, begin, encoded

LONGEST_WAIT_S = 3600.0


async def get_top(request: web.Request) -> web.Response:
    """`GET /v1/containers/{id}/top?ps_args=`: its processes, `{"titles", "rows", "processes"}`."""
    ps_args = request.query.get("ps_args") or "-ef"
    table = await asyncio.to_thread(request.app[ENGINE].top, request.match_info["id"], ps_args=ps_args)
    return web.json_response(table.to_json())


async def get_stats(request: web.Request) -> web.StreamResponse:
    """`GET /v1/containers/{id}/stats?stream=&interval_s=`: one reading, or one a line until its run ends."""
    engine, container_id = request.app[ENGINE], request.match_info["id"]
    interval_s = seconds(request, "interval_s", 1.0, least=0.1, most=3600)
    first = await asyncio.to_thread(engine.stats, container_id)
    if not flag(request, "stream"):
        return web.json_response(first.to_json())
    response = await begin(request, LINES)
    with suppress(ConnectionResetError):  # whoever read this has enough
        async with aclosing(engine.stats_stream(container_id, interval_s=interval_s)) as readings:
            async for reading in readings:
                await response.write(encoded(reading.to_json()))
        await response.write_eof()
    return response


async def get_wait(request: web.Request) -> web.Response:
    """`GET /v1/containers/{id}/wait?condition=&timeout_s=`: `{"is_met", "state"}`, when it has come to that."""
    text = request.query.get("condition") or Condition.NOT_RUNNING.value
    if text not in list(Condition):
        raise InvalidSpec("condition", f"{text[:40]!a} is not one of {', '.join(Condition)}")
    timeout_s = seconds(request, "timeout_s", LONGEST_WAIT_S, least=0, most=LONGEST_WAIT_S)
    try:
        async with asyncio.timeout(timeout_s):
            state = await request.app[ENGINE].wait_async(request.match_info["id"], Condition(text))
    except TimeoutError:
        return web.json_response({"is_met": False, "state": None})
    return web.json_response({"is_met": True, "state": state.to_json()})
