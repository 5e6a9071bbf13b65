"""Hints that a list has changed, through a real broker to a real WebSocket."""

import asyncio
import json

import pytest
import websockets
from django.conf import settings

from panel.accounts.models import User
from panel.realtime.changes import announce
from tests.panel.realtime.conftest import web_server
from tests.panel.realtime.test_logs import cookie_of, socket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def viewer_session(viewer: User) -> str:
    return cookie_of(viewer)


@pytest.fixture
def stranger_session(stranger: User) -> str:
    return cookie_of(stranger)


async def test_a_page_hears_what_changed(redis_server: str, viewer_session: str) -> None:
    async with web_server() as address, socket(address, "/ws/changes/", viewer_session) as connection:
        announce("operations", "42")
        assert json.loads(await connection.recv()) == {"changed": "operations", "id": "42"}


async def test_a_user_who_may_see_nothing_hears_nothing(redis_server: str, stranger_session: str) -> None:
    async with web_server() as address, socket(address, "/ws/changes/", stranger_session) as connection:
        with pytest.raises(websockets.ConnectionClosed):
            await connection.recv()
        assert connection.close_code == 4403


async def test_announcing_without_a_broker_harms_nobody() -> None:
    assert settings.CHANNEL_LAYERS
    announce("containers", "0" * 64)
    await asyncio.sleep(0.2)
