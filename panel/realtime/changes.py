"""Tells open pages that a list has changed. Only a hint: nothing is lost if it does not arrive."""

import asyncio
import functools
import logging
import threading
from concurrent.futures import Future
from typing import Any

from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)


def announce(kind: str, object_id: str) -> None:
    """Tell every page that shows `kind` (`containers`, `images`, `operations`) that object `object_id` changed.

    Returns at once: the hint travels from an event loop of its own, whose connection to the broker stays open.
    """
    message = {"type": "changed", "changed": kind, "id": object_id}
    sending = asyncio.run_coroutine_threadsafe(get_channel_layer().group_send(kind, message), _loop())
    sending.add_done_callback(functools.partial(_log_failure, kind, object_id))


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="changes", daemon=True).start()
    return loop


def _log_failure(kind: str, object_id: str, sending: "Future[Any]") -> None:
    if error := sending.exception():
        logger.warning("pages were not told that %s %s changed: %s", kind, object_id, error)
