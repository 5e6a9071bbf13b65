"""What the panel worker does by the clock."""

import threading
from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from panel.operations import alive, interrupted

HEARTBEAT_S = 5.0


@shared_task(name="operations.tick", expires=30)
def tick() -> None:
    """Send what waits, and say that the clock goes."""
    alive.say("beat")
    interrupted.send_waiting()


@worker_ready.connect
def begin(**kwargs: Any) -> None:
    """Say every few seconds that this worker lives."""
    threading.Thread(target=alive.every, args=(HEARTBEAT_S, _beat), name="heartbeat", daemon=True).start()


def _beat(number: int) -> None:
    alive.say("panel-worker")
