"""What the panel worker does by the clock."""

import threading
from typing import Any

from celery import bootsteps, shared_task
from celery.beat import EmbeddedService
from celery.signals import beat_init, worker_ready

from panel.celery import app
from panel.operations import alive, interrupted

FADES_AFTER_S = 17  # a tick comes every five seconds, through the queue


@shared_task(name="operations.tick", expires=30)
def tick() -> None:
    """Send what waits, and say that the clock goes."""
    alive.say("beat", fades_after_s=FADES_AFTER_S)
    interrupted.send_waiting()


class Clock(bootsteps.StartStopStep):
    """Beat as a thread of the panel worker. `-B` would fork it: 50 MB more, and it would outlive a killed worker."""

    def create(self, worker: Any) -> Any:
        """What the worker starts."""
        return EmbeddedService(worker.app, thread=True, scheduler_cls=worker.app.conf.beat_scheduler)

    def stop(self, worker: Any) -> None:
        """End it without waiting for the interval it sleeps through."""
        self.obj.service.stop(wait=False)


app.steps["worker"].add(Clock)


@beat_init.connect
def first_tick(**kwargs: Any) -> None:
    """Do not let what waits, and those who ask whether the clock goes, wait for the first interval to pass."""
    app.send_task("operations.tick", expires=30)


@worker_ready.connect
def begin(**kwargs: Any) -> None:
    """Say every few seconds that this worker lives."""
    threading.Thread(target=alive.every, args=(alive.SAY_EVERY_S, _beat), name="heartbeat", daemon=True).start()


def _beat(number: int) -> None:
    alive.say("panel-worker")
