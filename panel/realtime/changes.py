"""Tells open pages that a list has changed. Only a hint: nothing is lost if it does not arrive."""

import logging

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)


def announce(kind: str, object_id: str) -> None:
    """Tell every page that shows `kind` (`containers`, `images`, `operations`) that object `object_id` changed."""
    try:
        async_to_sync(get_channel_layer().group_send)(kind, {"type": "changed", "changed": kind, "id": object_id})
    except Exception as error:
        logger.warning("pages were not told that %s %s changed: %s", kind, object_id, error)
