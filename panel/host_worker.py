"""The host worker: `celery -A panel.host_worker worker -Q host.<name>`, one engine verb per task, without Django.

When it is ready it repairs what a crash left half done, tells the panel everything, then says every few seconds that
it lives.
"""

import logging
import threading
from datetime import UTC, datetime
from typing import Any

from celery.signals import worker_ready

from panel.celery import configured
from panel.environment import Environment
from panel.hosts.report import send_report
from panel.operations import alive, reports
from panel.operations.host import journal
from panel.operations.work import host_engine

logger = logging.getLogger(__name__)

HEARTBEAT_S = 5.0
PRUNE_EVERY_BEATS = 720  # an hour
TASKS = ("panel.containers.tasks", "panel.images.tasks", "panel.hosts.tasks")

# Taken off the broker when it begins: after a crash the panel sends it again, so the broker need not.
app = configured("moorage.host", TASKS, acks_late=False, visibility_timeout_s=3600)


@worker_ready.connect
def begin(**kwargs: Any) -> None:
    """Repair and report, beside the tasks that come in already."""
    threading.Thread(target=_live, name="heartbeat", daemon=True).start()


def _live() -> None:
    engine = host_engine()
    try:
        engine.repair()
        send_report(engine)
    except Exception:
        # Without this thread the host would look dead; its tasks work, or fail with causes of their own.
        logger.exception("what a crash may have left was not repaired, or the panel was not told")
    alive.every(HEARTBEAT_S, _beat)


def _beat(number: int) -> None:
    alive.say(f"host.{Environment.from_env().host_name}")
    reports.send("hosts.heartbeat", at=datetime.now(UTC).isoformat())
    if number % PRUNE_EVERY_BEATS == 0:
        journal().prune()
